#include "espalier/store/retry.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <unordered_set>

#include "espalier/base/error.hpp"
#include "espalier/base/text.hpp"

namespace espalier::store {

const std::vector<std::string>& retry_kinds() {
  static const std::vector<std::string> kinds{"crashed", "timeout",       "memory", "refused", "worker", "exception", "solver",
                                              "numeric", "configuration", "data",   "store",   "io",     "internal"};
  return kinds;
}

std::set<std::string> retry_kinds_from_text(std::string_view text) {
  std::set<std::string> kinds;
  while (true) {
    const std::size_t comma = text.find(',');
    const std::string word(text.substr(0, comma));
    if (word == "failed")
      kinds.insert(retry_kinds().begin(), retry_kinds().end());
    else if (std::find(retry_kinds().begin(), retry_kinds().end(), word) != retry_kinds().end())
      kinds.insert(word);
    else
      base::fail(base::ErrorKind::configuration, "expected a list of failed (all), {}, found '{}'{}", fmt::join(retry_kinds(), ", "), word,
                 base::did_you_mean(word, retry_kinds()));
    if (comma == std::string_view::npos) return kinds;
    text.remove_prefix(comma + 1);
  }
}

std::vector<task::StageKey> tasks_to_retry(const OutputDirectory& directory, const task::TaskGraph& graph,
                                           const std::set<std::string>& kinds) {
  const auto find = [&](const task::StageKey& key) {
    const auto it = directory.finished().find(key);
    return it == directory.finished().end() ? nullptr : &it->second;
  };
  std::vector<task::StageKey> chosen;
  std::unordered_set<task::StageKey> again;
  for (const task::PlannedTask& planned : graph.tasks) {
    const Finished* finished = find(planned.spec.key);
    if (finished == nullptr || finished->kind == task::OutcomeKind::done) continue;
    // One that failed with its parent runs again unless a parent stays failed.
    const bool parents_stay = std::any_of(planned.spec.parents.begin(), planned.spec.parents.end(), [&](const task::StageKey& parent) {
      const Finished* of_parent = find(parent);
      return of_parent != nullptr && of_parent->kind == task::OutcomeKind::failed && !again.contains(parent);
    });
    if (finished->error_kind() == "parent" ? parents_stay : !kinds.contains(finished->error_kind())) continue;
    again.insert(planned.spec.key);
    chosen.push_back(planned.spec.key);
  }
  return chosen;
}

}  // namespace espalier::store
