// The failed tasks of an output directory, one by one: what `espalier status --failed` shows.
#pragma once
#include <nlohmann/json.hpp>

#include <string>
#include <utility>
#include <vector>

#include "espalier/store/output_directory.hpp"
#include "espalier/task/task.hpp"

namespace espalier::app {

struct FailedTask {
  task::StageKey key;
  std::string kind;  ///< of the stage
  std::string error_kind;
  std::string message;
  std::vector<std::pair<std::string, task::Value>> parameters;  ///< those that differ among the plan's tasks of this kind
  std::vector<std::string> logs;                                ///< files below log/ that are named after the task
};

/// In plan order.
std::vector<FailedTask> find_failed_tasks(const store::OutputDirectory& directory, const task::TaskGraph& graph);

/// Those that failed only because a task they need failed are counted, not listed.
std::string to_text(const std::vector<FailedTask>& tasks);
nlohmann::ordered_json to_json(const std::vector<FailedTask>& tasks);

}  // namespace espalier::app
