// One attempt at the worker's edge: inputs are checked, the stage runs, its part file is published, and whatever is thrown becomes an
// outcome. Where the stage wants a process of its own, all of that happens there, and what becomes of the process becomes an outcome too.
#pragma once
#include <filesystem>
#include <functional>
#include <optional>

#include "espalier/sandbox/sandbox.hpp"
#include "espalier/task/stage.hpp"

namespace espalier::farm {

/// Where attempts run.
struct Workplace {
  const task::StageRegistry& registry;
  const std::filesystem::path& output_directory;
  base::Rank rank;
  sandbox::Sandbox* sandbox = nullptr;  ///< null: everything runs in this process
};

/// None if the stage gave up, or was killed, because it was asked to stop. Throws sandbox::ServerLost, and nothing else.
std::optional<task::Outcome> execute(const task::Attempt& attempt, const Workplace& place, const std::function<bool()>& stop_requested);

}  // namespace espalier::farm
