// Construction of the master's view of the graph: children, priorities, what earlier runs finished.
#include <algorithm>
#include <numeric>
#include <unordered_set>

#include "espalier/base/error.hpp"
#include "espalier/dispatch/master.hpp"

namespace espalier::dispatch {

using base::ErrorKind;
using base::fail;
using base::TaskId;

Master::Master(const task::TaskGraph& graph, std::span<const FinishedTask> finished, MasterOptions options)
    : graph_(graph), options_(options), tasks_(graph.tasks.size() + 1) {
  link_graph();
  order_by_critical_path();
  apply_finished(finished);
}

void Master::link_graph() {
  std::unordered_map<std::string_view, std::uint32_t> kinds;
  std::uint32_t index = 0;
  for (const task::PlannedTask& planned : graph_.tasks) {
    Task& own = tasks_[index];
    const auto [kind, is_new] = kinds.try_emplace(planned.spec.kind, static_cast<std::uint32_t>(snapshot_.kinds.size()));
    if (is_new) snapshot_.kinds.emplace_back().kind = planned.spec.kind;
    own.kind = kind->second;
    own.open_parents = static_cast<std::uint32_t>(planned.parents.size());
    for (const TaskId parent : planned.parents) {
      if (parent.value >= index) fail(ErrorKind::internal, "task {} has the parent {}, which does not come before it", index, parent.value);
      ++tasks_[parent.value + 1].first_child;  // for now the number of children of `parent`
    }
    KindCounts& kind_counts = snapshot_.kinds[own.kind];
    ++kind_counts.total;
    ++kind_counts.waiting;
    kind_counts.remaining_expected_seconds += planned.expected_seconds;
    ++index;
  }
  for (std::size_t i = 1; i < tasks_.size(); ++i) tasks_[i].first_child += tasks_[i - 1].first_child;
  children_.resize(tasks_.back().first_child);
  std::vector<std::uint32_t> next(tasks_.size());
  std::transform(tasks_.begin(), tasks_.end(), next.begin(), [](const Task& t) { return t.first_child; });
  for (index = 0; index < graph_.tasks.size(); ++index)
    for (const TaskId parent : graph_.tasks[index].parents) children_[next[parent.value]++] = TaskId{index};
}

void Master::order_by_critical_path() {
  const std::size_t n = graph_.tasks.size();
  std::vector<double> path(n);
  for (std::size_t i = n; i-- > 0;) {
    double longest = 0;
    for (const TaskId child : children(TaskId{static_cast<std::uint32_t>(i)})) longest = std::max(longest, path[child.value]);
    path[i] = graph_.tasks[i].expected_seconds + longest;
  }
  by_order_.resize(n);
  for (std::uint32_t i = 0; i < n; ++i) by_order_[i] = TaskId{i};
  std::stable_sort(by_order_.begin(), by_order_.end(), [&](TaskId a, TaskId b) { return path[a.value] > path[b.value]; });
  for (std::uint32_t place = 0; place < n; ++place) state(by_order_[place]).order = place;
}

void Master::apply_finished(std::span<const FinishedTask> finished) {
  std::unordered_map<task::StageKey, const FinishedTask*> earlier;
  for (const FinishedTask& task : finished) earlier.insert_or_assign(task.key, &task);
  std::unordered_set<task::StageKey> seen;
  std::vector<TaskId> open;
  for (std::uint32_t i = 0; i < graph_.tasks.size(); ++i) {
    const TaskId id{i};
    if (!seen.insert(planned(id).spec.key).second) fail(ErrorKind::internal, "two tasks have the key {}", planned(id).spec.key.hex());
    const auto it = earlier.find(planned(id).spec.key);
    if (it == earlier.end()) {
      open.push_back(id);
      continue;
    }
    state(id).state = State::settled;
    state(id).failed = it->second->kind == task::OutcomeKind::failed;
    ++settled_;
    --counts(id).waiting;
    ++counts(id).finished_before;
    counts(id).remaining_expected_seconds -= planned(id).expected_seconds;
    if (!state(id).failed && it->second->wall_seconds > 0) {
      counts(id).measured_expected_seconds += planned(id).expected_seconds;
      counts(id).measured_seconds += it->second->wall_seconds;
    }
    if (it->second->part) parts_.emplace(id, *it->second->part);
    if (state(id).failed) failed_before_.emplace_back(id, it->second->message);
    for (const TaskId child : children(id))
      if (!state(id).failed) --state(child).open_parents;
  }
  for (const TaskId id : open)
    if (state(id).open_parents == 0) make_ready(id);
}

std::span<const TaskId> Master::children(TaskId id) const {
  const std::uint32_t begin = tasks_[id.value].first_child;
  return std::span(children_).subspan(begin, tasks_[id.value + 1].first_child - begin);
}

}  // namespace espalier::dispatch
