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
    : graph_(graph), options_(std::move(options)), tasks_(graph.tasks.size() + 1), costs_(std::move(options_.costs)) {
  link_graph();
  apply_finished(finished);
  order_by_critical_path();
  next_reorder_ = std::max(options_.reorder_after, 2 * costs_.measured());
  for (std::uint32_t i = 0; i < graph_.tasks.size(); ++i)
    if (state(TaskId{i}).state == State::waiting && state(TaskId{i}).open_parents == 0) make_ready(TaskId{i});
}

void Master::link_graph() {
  std::unordered_map<std::string_view, std::uint32_t> kinds;
  std::uint32_t index = 0;
  for (const task::PlannedTask& planned : graph_.tasks) {
    Task& own = tasks_[index];
    const auto [kind, is_new] = kinds.try_emplace(planned.spec.kind, static_cast<std::uint32_t>(snapshot_.kinds.size()));
    if (is_new) snapshot_.kinds.emplace_back().kind = planned.spec.kind;
    own.kind = kind->second;
    own.group = costs_.group(planned.spec.kind, planned.expected_seconds);
    unsettled_.resize(costs_.groups());
    ++unsettled_[own.group];
    own.open_parents = static_cast<std::uint32_t>(planned.parents.size());
    for (const TaskId parent : planned.parents) {
      if (parent.value >= index) fail(ErrorKind::internal, "task {} has the parent {}, which does not come before it", index, parent.value);
      ++tasks_[parent.value + 1].first_child;  // for now the number of children of `parent`
    }
    KindCounts& kind_counts = snapshot_.kinds[own.kind];
    ++kind_counts.total;
    ++kind_counts.waiting;
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
  paths_ = task::critical_paths(graph_, [&](TaskId id) { return state(id).state == State::settled ? 0 : estimate(id); });
  by_order_.resize(graph_.tasks.size());
  for (std::uint32_t i = 0; i < by_order_.size(); ++i) by_order_[i] = TaskId{i};
  std::stable_sort(by_order_.begin(), by_order_.end(), [&](TaskId a, TaskId b) { return paths_[a.value] > paths_[b.value]; });
  for (std::uint32_t place = 0; place < by_order_.size(); ++place) state(by_order_[place]).order = place;
  first_open_ = 0;
}

void Master::measure(TaskId id, double seconds) {
  if (options_.reorder_after > 0) costs_.add(state(id).group, seconds);
}

void Master::reorder_if_due() {
  if (options_.reorder_after == 0 || costs_.measured() < next_reorder_) return;
  next_reorder_ = 2 * costs_.measured();
  std::vector<TaskId> ready;
  for (; !ready_.empty(); ready_.pop()) ready.push_back(by_order_[ready_.top()]);
  for (const std::uint32_t place : too_long_) ready.push_back(by_order_[place]);
  too_long_.clear();
  order_by_critical_path();
  for (const TaskId id : ready) ready_.push(state(id).order);
}

void Master::apply_finished(std::span<const FinishedTask> finished) {
  std::unordered_map<task::StageKey, const FinishedTask*> earlier;
  for (const FinishedTask& task : finished) earlier.insert_or_assign(task.key, &task);
  std::unordered_set<task::StageKey> seen;
  for (std::uint32_t i = 0; i < graph_.tasks.size(); ++i) {
    const TaskId id{i};
    if (!seen.insert(planned(id).spec.key).second) fail(ErrorKind::internal, "two tasks have the key {}", planned(id).spec.key.hex());
    const auto it = earlier.find(planned(id).spec.key);
    if (it == earlier.end()) continue;
    state(id).state = State::settled;
    state(id).failed = it->second->kind == task::OutcomeKind::failed;
    ++settled_;
    --counts(id).waiting;
    ++counts(id).finished_before;
    --unsettled_[state(id).group];
    if (!state(id).failed && it->second->wall_seconds > 0) measure(id, it->second->wall_seconds);
    if (it->second->part) parts_.emplace(id, *it->second->part);
    if (state(id).failed) failed_before_.emplace_back(id, it->second->message);
    for (const TaskId child : children(id))
      if (!state(id).failed) --state(child).open_parents;
  }
}

std::span<const TaskId> Master::children(TaskId id) const {
  const std::uint32_t begin = tasks_[id.value].first_child;
  return std::span(children_).subspan(begin, tasks_[id.value + 1].first_child - begin);
}

}  // namespace espalier::dispatch
