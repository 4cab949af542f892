#include "app/extension.hpp"

#include "espalier/base/log.hpp"
#include "espalier/plan/difference.hpp"

namespace espalier::app {

namespace {

store::Extension compare(const store::OutputDirectory& directory, const ExperimentPlan& before, const ExperimentPlan& now,
                         const Catalogue& catalogue) {
  return store::compare_graphs(directory, catalogue.stages, before.plan.graph, now.plan.graph);
}

bool keeps_nothing(const store::OutputDirectory& directory, const store::Extension& extension) {
  return !directory.finished().empty() && extension.finished + extension.again == 0;
}

/// "out-2", or the next number that is free.
std::string free_directory(const std::filesystem::path& out) {
  const std::string path = out.lexically_normal().string();
  const std::string base = path.substr(0, path.find_last_not_of('/') + 1);
  for (int n = 2;; ++n)
    if (std::string candidate = fmt::format("{}-{}", base, n); !std::filesystem::exists(candidate)) return candidate;
}

}  // namespace

store::Extension extension_of(const store::OutputDirectory& directory, const ExperimentPlan& now, const Catalogue& catalogue) {
  store::Extension extension = compare(directory, parse_plan(directory, catalogue), now, catalogue);
  if (keeps_nothing(directory, extension))
    throw store::ConfigurationChanged(base::ErrorKind::store, fmt::format("'{}' belongs to another experiment", directory.path().string()));
  base::log_info("'{}': the configuration has changed: {}", directory.path().string(), store::to_text(extension));
  return extension;
}

void refuse_changed(const store::ConfigurationChanged& changed, const store::OutputDirectory& directory, const ExperimentPlan& now,
                    const Catalogue& catalogue) {
  const ExperimentPlan before = parse_plan(directory, catalogue);
  const store::Extension extension = compare(directory, before, now, catalogue);
  const std::string advice = keeps_nothing(directory, extension)
                                 ? fmt::format("With --extend none of its {} finished tasks would be kept", directory.finished().size())
                                 : fmt::format("With --extend this directory goes over to it: {}", store::to_text(extension));
  throw store::ConfigurationChanged(
      base::ErrorKind::store,
      fmt::format("{}; choose another directory: --out {}\nWhat changed: {}\n{}", changed.what(), free_directory(directory.path()),
                  plan::to_text(plan::difference(before.experiment, now.experiment, catalogue.pipeline(now.experiment).schema())), advice));
}

}  // namespace espalier::app
