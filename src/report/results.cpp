#include "espalier/report/results.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "espalier/h5/file.hpp"
#include "espalier/report/text_table.hpp"

namespace espalier::report {

std::vector<std::string> parameters_by_place(const h5::Table& solves) {
  constexpr std::array<std::string_view, 6> of_every_table{"key", "kind", "status", "message", "cpu_seconds", "peak_memory_mib"};
  std::vector<std::string> names;
  for (const h5::Column& column : solves.columns) {
    if (std::find(of_every_table.begin(), of_every_table.end(), column.name) != of_every_table.end()) continue;
    names.push_back(column.name);
    if (column.name == "repetition") return names;
  }
  return {};
}

Results read_results(const std::filesystem::path& path) {
  const h5::File file = h5::File::open_read_only(path);
  const h5::Group root = file.root();
  Results results{.solves = h5::read_table(root, "solves"), .networks = {}, .parameters = {}};
  if (root.exists("networks")) results.networks = h5::read_table(root, "networks");  // none of given problems
  const h5::Object solves = root.open_object("solves");
  results.parameters = solves.has_attribute("parameters") ? solves.read_attribute<std::vector<std::string>>("parameters")
                                                          : parameters_by_place(results.solves);
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
