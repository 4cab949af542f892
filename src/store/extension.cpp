#include "espalier/store/extension.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "espalier/store/output_directory.hpp"

namespace espalier::store {

namespace {

using task::StageKey;
using task::TaskSpec;

/// What a task would be called if it had no limit.
StageKey key_without_limit(const TaskSpec& spec, const std::string& limit) {
  task::Parameters parameters = spec.parameters;
  parameters.set(limit, 0.0);
  return task::make_key(spec.kind, spec.schema_version, parameters, spec.parents);
}

/// The tasks of the old graph that differ from a new one in a limit only.
class SmallerLimits {
 public:
  SmallerLimits(const OutputDirectory& directory, const task::StageRegistry& stages, const task::TaskGraph& before)
      : directory_(directory), stages_(stages) {
    for (const task::PlannedTask& planned : before.tasks)
      if (const std::string limit = stages_.find(planned.spec.kind).limit_parameter(); !limit.empty())
        tasks_.emplace(key_without_limit(planned.spec, limit), &planned.spec);
  }

  struct Found {
    const TaskSpec* spec =
        nullptr;         ///< of the largest limit below the new task's, of those whose outcome is the new one's too if there are any
    bool holds = false;  ///< its outcome is the new task's too
  };

  Found find(const TaskSpec& now) const {
    const task::Stage& stage = stages_.find(now.kind);
    const std::string limit = stage.limit_parameter();
    Found best;
    if (limit.empty()) return best;
    const auto [begin, end] = tasks_.equal_range(key_without_limit(now, limit));
    for (auto it = begin; it != end; ++it) {
      const TaskSpec& old = *it->second;
      if (old.parameters.real(limit) >= now.parameters.real(limit)) continue;
      const bool holds = outcome_holds(stage, old);
      const auto rank = [&](bool h, const TaskSpec& spec) { return std::pair(h, spec.parameters.real(limit)); };
      if (best.spec == nullptr || rank(holds, old) > rank(best.holds, *best.spec)) best = {&old, holds};
    }
    return best;
  }

 private:
  bool outcome_holds(const task::Stage& stage, const TaskSpec& old) const {
    const auto finished = directory_.finished().find(old.key);
    if (finished == directory_.finished().end() || finished->second.part) return false;  // a part file has its task's name
    return !stage.met_limit(directory_.outcome(old.key), old.parameters);
  }

  const OutputDirectory& directory_;
  const task::StageRegistry& stages_;
  std::unordered_multimap<StageKey, const TaskSpec*> tasks_;
};

std::unordered_set<StageKey> keys_of(const task::TaskGraph& graph) {
  std::unordered_set<StageKey> keys;
  for (const task::PlannedTask& planned : graph.tasks) keys.insert(planned.spec.key);
  return keys;
}

}  // namespace

Extension compare_graphs(const OutputDirectory& directory, const task::StageRegistry& stages, const task::TaskGraph& before,
                         const task::TaskGraph& now) {
  const FinishedTasks& finished = directory.finished();
  const std::unordered_set<StageKey> old_keys = keys_of(before), new_keys = keys_of(now);
  const SmallerLimits smaller(directory, stages, before);
  std::unordered_set<StageKey> replaced;  // old tasks for which a new one with a larger limit stands
  Extension extension;
  for (const task::PlannedTask& planned : now.tasks) {
    const TaskSpec& spec = planned.spec;
    if (finished.contains(spec.key) || old_keys.contains(spec.key)) {
      ++extension.kept;
      extension.finished += finished.contains(spec.key);
      continue;
    }
    const SmallerLimits::Found old = smaller.find(spec);
    if (old.spec != nullptr) replaced.insert(old.spec->key);
    if (old.holds) {
      ++extension.kept;
      ++extension.finished;
      extension.adoptions.push_back({spec.key, old.spec->key});
    } else {
      ++(old.spec == nullptr ? extension.added : finished.contains(old.spec->key) ? extension.again : extension.kept);
    }
  }
  for (const task::PlannedTask& planned : before.tasks) {
    const StageKey& key = planned.spec.key;
    if (new_keys.contains(key)) continue;
    extension.dropped += !replaced.contains(key);
    if (finished.contains(key)) extension.left[planned.spec.kind].push_back(key);
  }
  return extension;
}

std::string to_text(const Extension& extension) {
  const std::string again =
      extension.again > 0 ? fmt::format("{} that met a smaller limit run{} again, ", extension.again, extension.again == 1 ? "s" : "") : "";
  return fmt::format("{} task{} kept ({} of them finished), {}{} added, {} dropped", extension.kept, extension.kept == 1 ? "" : "s",
                     extension.finished, again, extension.added, extension.dropped);
}

}  // namespace espalier::store
