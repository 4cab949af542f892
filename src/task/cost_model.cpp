#include "espalier/task/cost_model.hpp"

#include <algorithm>

namespace espalier::task {

CostModel::Group CostModel::group(std::string_view kind, double planned_seconds) {
  auto known_kind = kind_of_.find(kind);
  if (known_kind == kind_of_.end()) {
    known_kind = kind_of_.emplace(kind, kinds_.size()).first;
    kinds_.emplace_back();
  }
  const auto [it, is_new] = group_of_.try_emplace({known_kind->second, planned_seconds}, static_cast<Group>(groups_.size()));
  if (is_new) groups_.push_back({.kind = known_kind->second, .planned = planned_seconds});
  return it->second;
}

void CostModel::add(Group group, double measured_seconds) {
  Known& known = groups_[group];
  known.measured += measured_seconds;
  known.count += 1;
  for (Ratio* ratio : {&kinds_[known.kind], &all_}) {
    ratio->planned += known.planned;
    ratio->measured += measured_seconds;
  }
  ++measured_;
}

double CostModel::ratio(std::size_t kind) const {
  for (const Ratio& ratio : {kind < kinds_.size() ? kinds_[kind] : Ratio{}, all_})
    if (ratio.planned > 0 && ratio.measured > 0) return ratio.measured / ratio.planned;
  return 1;
}

double CostModel::estimate(Group group) const {
  const Known& known = groups_[group];
  return (known.measured + ratio(known.kind) * known.planned) / (known.count + 1);
}

double CostModel::estimate(std::string_view kind, double planned_seconds) const {
  const auto known_kind = kind_of_.find(kind);
  if (known_kind == kind_of_.end()) return ratio(kinds_.size()) * planned_seconds;
  const auto it = group_of_.find({known_kind->second, planned_seconds});
  return it == group_of_.end() ? ratio(known_kind->second) * planned_seconds : estimate(it->second);
}

double CostModel::estimate(const PlannedTask& planned) const {
  return std::min(estimate(planned.spec.kind, planned.expected_seconds), planned.most_seconds);
}

std::vector<double> critical_paths(const TaskGraph& graph, const std::function<double(base::TaskId)>& seconds) {
  std::vector<double> paths(graph.tasks.size());  // first only the longest of the children's
  for (std::size_t i = graph.tasks.size(); i-- > 0;) {
    paths[i] += seconds(base::TaskId{static_cast<base::TaskId::value_type>(i)});
    for (const base::TaskId parent : graph.tasks[i].parents) paths[parent.value] = std::max(paths[parent.value], paths[i]);
  }
  return paths;
}

double makespan(double total, double longest, std::size_t workers) {
  return std::max(total / static_cast<double>(std::max<std::size_t>(1, workers)), longest);
}

}  // namespace espalier::task
