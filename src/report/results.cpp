#include "espalier/report/results.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "espalier/report/text_table.hpp"

namespace espalier::report {

Results read_results(const std::filesystem::path& path) {
  const auto file = std::make_shared<const results::Reader>(path);
  const h5::Group root = file->root();
  Results results{.file = file, .solves = file->table("solves"), .networks = results::Table(), .parameters = {}};
  if (file->has_table("networks")) results.networks = file->table("networks");
  results.parameters = results.solves.parameters();
  results.tasks_done = root.read_attribute<std::int64_t>("tasks_done");
  results.tasks_failed = root.read_attribute<std::int64_t>("tasks_failed");
  results.tasks_waiting = root.read_attribute<std::int64_t>("tasks_waiting");
  results.command = root.read_attribute<std::string>("command", "");
  return results;
}

std::string describe_incomplete(const Results& results) {
  if (results.tasks_waiting == 0) return "";
  const std::int64_t all = results.tasks_done + results.tasks_failed + results.tasks_waiting;
  return wrapped(fmt::format("The run is not complete: {} of its {} tasks had not been done when this was written. All figures are of what "
                             "there is, and will change.",
                             results.tasks_waiting, all)) +
         (results.command.empty() ? "" : "Continue with:\n  " + results.command + "\n") + "\n";
}

}  // namespace espalier::report
