#include "app/failed_tasks.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <system_error>

namespace espalier::app {

namespace {

/// Per kind of stage, the parameters that do not have one value everywhere.
std::map<std::string, std::set<std::string>> varying_parameters(const task::TaskGraph& graph) {
  std::map<std::string, const task::Parameters*> first;
  std::map<std::string, std::set<std::string>> varying;
  for (const task::PlannedTask& planned : graph.tasks) {
    const task::TaskSpec& spec = planned.spec;
    const auto [it, is_new] = first.emplace(spec.kind, &spec.parameters);
    if (is_new) continue;
    for (const auto& [name, value] : spec.parameters.map())
      if (const task::Value* other = it->second->find(name); other == nullptr || *other != value) varying[spec.kind].insert(name);
  }
  return varying;
}

/// Names of the files in log/, sorted: a task's begin with its key.
std::vector<std::string> log_names(const store::OutputDirectory& directory) {
  std::vector<std::string> names;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(directory.log_directory(), none))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

std::vector<FailedTask> find_failed_tasks(const store::OutputDirectory& directory, const task::TaskGraph& graph) {
  const auto varying = varying_parameters(graph);
  const std::vector<std::string> names = log_names(directory);
  std::vector<FailedTask> tasks;
  for (const task::PlannedTask& planned : graph.tasks) {
    const task::TaskSpec& spec = planned.spec;
    const auto finished = directory.finished().find(spec.key);
    if (finished == directory.finished().end() || finished->second.kind != task::OutcomeKind::failed) continue;
    FailedTask failed{spec.key, spec.kind, finished->second.error_kind(), finished->second.message(), {}, {}};
    if (const auto names_of_kind = varying.find(spec.kind); names_of_kind != varying.end())
      for (const std::string& name : names_of_kind->second)
        if (const task::Value* value = spec.parameters.find(name)) failed.parameters.emplace_back(name, *value);
    const std::string key = spec.key.hex();
    for (auto name = std::lower_bound(names.begin(), names.end(), key); name != names.end() && name->starts_with(key); ++name)
      failed.logs.push_back((directory.log_directory() / *name).string());
    tasks.push_back(std::move(failed));
  }
  return tasks;
}

std::string to_text(const std::vector<FailedTask>& tasks) {
  std::string text;
  std::size_t followed = 0;
  for (const FailedTask& failed : tasks) {
    if (failed.error_kind == "parent") {
      ++followed;
      continue;
    }
    text += fmt::format("{} {}: {}: {}\n", failed.kind, failed.key.hex(), failed.error_kind, failed.message);
    std::vector<std::string> values;
    for (const auto& [name, value] : failed.parameters) values.push_back(name + " = " + task::to_text(value));
    if (!values.empty()) text += fmt::format("    {}\n", fmt::join(values, ", "));
    for (const std::string& log : failed.logs) text += fmt::format("    {}\n", log);
  }
  if (tasks.empty()) text = "no task failed\n";
  if (followed > 0) text += fmt::format("{} more failed because a task they need is among these\n", followed);
  return text;
}

nlohmann::ordered_json to_json(const std::vector<FailedTask>& tasks) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const FailedTask& failed : tasks) {
    nlohmann::ordered_json parameters = nlohmann::ordered_json::object();
    for (const auto& parameter : failed.parameters)
      std::visit([&](const auto& value) { parameters[parameter.first] = value; }, parameter.second);
    list.push_back({{"key", failed.key.hex()},
                    {"kind", failed.kind},
                    {"error_kind", failed.error_kind},
                    {"message", failed.message},
                    {"parameters", parameters},
                    {"logs", failed.logs}});
  }
  return list;
}

}  // namespace espalier::app
