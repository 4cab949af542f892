#include "espalier/plan/shard.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace espalier::plan {

using base::TaskId;
using task::TaskGraph;

namespace {

/// The first stage that each task grows from.
std::vector<TaskId> roots(const TaskGraph& graph) {
  std::vector<TaskId> roots;
  roots.reserve(graph.tasks.size());
  for (const task::PlannedTask& planned : graph.tasks) {
    const TaskId self{static_cast<TaskId::value_type>(roots.size())};
    roots.push_back(planned.parents.empty() ? self : roots[planned.parents.front().value]);
  }
  return roots;
}

/// Which of the results, in their order, the shard runs.
std::vector<TaskId> results_of(const Plan& plan, const task::Shard& shard) {
  const TaskGraph& graph = plan.graph;
  const std::vector<TaskId> root = roots(graph);
  std::vector<TaskId> results = plan.results;
  std::stable_sort(results.begin(), results.end(), [&](TaskId a, TaskId b) { return root[a.value] < root[b.value]; });
  const auto seconds = [&](TaskId id) { return std::max(1e-9, graph.tasks[id.value].expected_seconds); };
  double total = 0;
  for (const TaskId id : results) total += seconds(id);
  double before = 0;
  std::erase_if(results, [&](TaskId id) {
    const double middle = before + seconds(id) / 2;
    before += seconds(id);
    const int index = std::min(shard.count, 1 + static_cast<int>(middle / total * shard.count));
    return index != shard.index;
  });
  return results;
}

}  // namespace

TaskGraph shard_graph(const Plan& plan, const task::Shard& shard) {
  if (shard.is_whole()) return plan.graph;
  std::vector<bool> wanted(plan.graph.tasks.size(), false);
  for (const TaskId id : results_of(plan, shard)) wanted[id.value] = true;
  for (std::size_t i = wanted.size(); i-- > 0;)  // children come behind their parents
    if (wanted[i])
      for (const TaskId parent : plan.graph.tasks[i].parents) wanted[parent.value] = true;
  TaskGraph graph;
  std::vector<TaskId> renumbered(wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (!wanted[i]) continue;
    renumbered[i] = TaskId{static_cast<TaskId::value_type>(graph.tasks.size())};
    task::PlannedTask planned = plan.graph.tasks[i];
    std::vector<TaskId> parents;
    for (const TaskId parent : planned.parents) parents.push_back(renumbered[parent.value]);
    planned.parents = std::move(parents);
    graph.tasks.push_back(std::move(planned));
  }
  return graph;
}

}  // namespace espalier::plan
