// Failed tasks that are to run again.
#pragma once
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "espalier/store/output_directory.hpp"
#include "espalier/task/task.hpp"

namespace espalier::store {

/// Error kinds of outcomes that can be retried (task::Outcome::error_kind without "parent").
const std::vector<std::string>& retry_kinds();

/// From "crashed,timeout" to error kinds; "failed" stands for all of them. Error(configuration) names the legal words.
std::set<std::string> retry_kinds_from_text(std::string_view text);

/// Tasks of the graph that failed for one of these kinds, and those that failed only because a task they need is among them or is done by
/// now; parents first.
std::vector<task::StageKey> tasks_to_retry(const OutputDirectory& directory, const task::TaskGraph& graph,
                                           const std::set<std::string>& kinds);

}  // namespace espalier::store
