// One attempt at the worker's edge: inputs are checked, the stage runs, its part file is published, and whatever is thrown becomes an
// outcome.
#pragma once
#include <filesystem>
#include <functional>
#include <optional>

#include "espalier/task/stage.hpp"

namespace espalier::farm {

/// None if the stage gave up because it was asked to stop. Never throws.
std::optional<task::Outcome> execute(const task::Attempt& attempt, const task::StageRegistry& registry,
                                     const std::filesystem::path& output_directory, base::Rank rank, std::function<bool()> stop_requested);

}  // namespace espalier::farm
