#include "app/experiment_plan.hpp"

#include "app/source.hpp"
#include "espalier/base/clock.hpp"
#include "espalier/base/error.hpp"
#include "espalier/base/log.hpp"
#include "espalier/plan/shard.hpp"

namespace espalier::app {

namespace {

/// Says what takes long, from the second second on.
plan::Progress report_progress() {
  return [told = 0.0, watch = base::Stopwatch()](std::uint64_t instances, double most) mutable {
    if (watch.wall_seconds() < told + 2) return;
    told = watch.wall_seconds();
    base::log_info("planning: {} of at most {:.0f} instances, {:.0f} s left", instances, most,
                   told * (most / static_cast<double>(instances) - 1));
  };
}

ExperimentPlan make(config::Experiment experiment, const Catalogue& catalogue, const task::Shard& shard) {
  plan::Plan plan = plan::make_plan(experiment, catalogue.pipeline(experiment), catalogue.stages_of(experiment), report_progress());
  if (!shard.is_whole()) {
    plan.graph = plan::shard_graph(plan, shard);
    plan.results.clear();  // they are indices of the whole graph
  }
  return {std::move(experiment), std::move(plan)};
}

}  // namespace

Catalogue make_catalogue(const studies::Registry& studies, const stages::Environment::Options& options) {
  Catalogue catalogue{.studies = studies, .stages = {}, .stages_of_study = {}};
  const auto environment = std::make_shared<stages::Environment>(options);
  for (const auto& study : studies.all()) {
    const auto& [name, stages] = *catalogue.stages_of_study.emplace(study->name(), study->make_stages(environment)).first;
    catalogue.stages.add_missing(stages);
  }
  return catalogue;
}

config::Experiment stored_experiment(const store::OutputDirectory& directory, const Catalogue& catalogue) {
  return config::parse_experiment(directory.identity().configuration, directory.plan_path().string(),
                                  studies::config_studies(catalogue.studies));
}

ExperimentPlan load_plan(const std::filesystem::path& config, const std::vector<std::string>& overrides, const Catalogue& catalogue,
                         const task::Shard& shard) {
  return make(config::load_experiment(config, studies::config_studies(catalogue.studies), overrides), catalogue, shard);
}

ExperimentPlan parse_plan(const store::OutputDirectory& directory, const Catalogue& catalogue) {
  return make(stored_experiment(directory, catalogue), catalogue, directory.identity().shard);
}

ExperimentPlan parse_whole_plan(const store::OutputDirectory& directory, const Catalogue& catalogue) {
  return make(stored_experiment(directory, catalogue), catalogue, {});
}

task::CostModel learn_costs(const store::OutputDirectory& directory, const task::TaskGraph& graph) {
  task::CostModel costs;
  for (const task::PlannedTask& planned : graph.tasks) {
    const auto finished = directory.finished().find(planned.spec.key);
    if (finished == directory.finished().end() || finished->second.kind != task::OutcomeKind::done) continue;
    costs.add(costs.group(planned.spec.kind, planned.expected_seconds), finished->second.wall_seconds);
  }
  return costs;
}

task::CostModel learn_costs(const std::string& path, const Catalogue& catalogue) {
  const store::OutputDirectory directory = store::OutputDirectory::inspect(find_run(path));
  task::CostModel costs = learn_costs(directory, parse_plan(directory, catalogue).plan.graph);
  if (costs.measured() == 0)
    base::fail(base::ErrorKind::configuration, "--history: expected an output directory with finished stages, found none in '{}'", path);
  return costs;
}

data::SearchPath data_search_path(const std::string& data_dir) {
  data::SearchPath where{.directory = data_dir, .defaults = {"data"}};
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!error) where.defaults.push_back(program.parent_path().parent_path().parent_path() / "data");
  return where;
}

}  // namespace espalier::app
