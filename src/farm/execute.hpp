// One attempt at the worker's edge: inputs are checked, the stage runs, its part file is published, and whatever is thrown becomes an
// outcome. Where the stage wants a process of its own, all of that happens there, and what becomes of the process becomes an outcome too.
#pragma once
#include <filesystem>
#include <functional>
#include <optional>
#include <vector>

#include "espalier/sandbox/sandbox.hpp"
#include "espalier/task/stage.hpp"

namespace espalier::farm {

/// Where attempts run.
struct ExecutionContext {
  const task::StageRegistry& registry;
  const std::filesystem::path& output_directory;
  base::Rank rank;
  sandbox::Sandbox* sandbox = nullptr;  ///< null: everything runs in this process
};

/// None if the stage gave up, or was killed, because it was asked to stop. Throws sandbox::ServerLost, and nothing else.
std::optional<task::Outcome> execute(const task::Attempt& attempt, const ExecutionContext& place,
                                     const std::function<bool()>& stop_requested);

// What follows is shared with isolate.cpp.

/// Key, attempt, host and start time.
task::Outcome blank_outcome(const task::Attempt& attempt);

/// Calls `body`; what it throws becomes the outcome's failure. False: it threw StageStopped.
bool guarded(task::Outcome& outcome, const std::function<void()>& body);

void set_failure(task::Outcome& outcome, std::string_view kind, std::string message);

/// Throws Error(io) unless every part file that the attempt reads is there with its checksum.
void check_inputs(const task::Attempt& attempt, const std::filesystem::path& output_directory);

/// A stage that returns what it has not declared would break the result tables much later: it fails now.
void check_result(const task::Stage& stage, const task::StageResult& result);

/// Inputs checked, stage run, part file published. `context` needs neither directory nor part path.
void run_stage(const task::Attempt& attempt, const task::StageRegistry& registry, const std::filesystem::path& output_directory,
               task::StageContext context, task::Outcome& outcome);

/// execute() for a stage with limits, in a child of the place's sandbox. Throws sandbox::ServerLost.
std::optional<task::Outcome> run_in_child(const task::Attempt& attempt, const ExecutionContext& place, const task::ResourceLimits& limits,
                                          const std::vector<task::Array>& payload, const std::function<bool()>& stop_requested);

}  // namespace espalier::farm
