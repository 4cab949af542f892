// What stages take, learned from those that have finished.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "espalier/task/task.hpp"

namespace espalier::task {

/// Planned seconds come from sizes alone, so tasks of one kind with equal planned seconds are of one size: a group. With n tasks of a group
/// measured, which took m_1, ..., m_n seconds, another one is expected to take
///     (m_1 + ... + m_n + r p) / (n + 1),
/// where p are its planned seconds and r is what its kind took so far over what had been planned for that (all kinds' ratio, as long as
/// nothing of the kind is measured; 1 before anything is). One term of prior knowledge: a group's own times soon outweigh it.
class CostModel {
 public:
  using Group = std::uint32_t;

  /// Of tasks of that kind and planned seconds; made if it is new.
  Group group(std::string_view kind, double planned_seconds);
  void add(Group group, double measured_seconds);
  double estimate(Group group) const;
  /// For a group that may not be there.
  double estimate(std::string_view kind, double planned_seconds) const;
  /// At most the task's own limit of time.
  double estimate(const PlannedTask& planned) const;
  std::size_t groups() const { return groups_.size(); }
  std::size_t measured() const { return measured_; }  ///< tasks

 private:
  struct Ratio {
    double planned = 0;
    double measured = 0;
  };
  struct Known {
    std::size_t kind = 0;
    double planned = 0;
    double measured = 0;  ///< sum
    double count = 0;
  };

  double ratio(std::size_t kind) const;

  std::map<std::string, std::size_t, std::less<>> kind_of_;
  std::vector<Ratio> kinds_;
  Ratio all_;
  std::map<std::pair<std::size_t, double>, Group> group_of_;
  std::vector<Known> groups_;
  std::size_t measured_ = 0;
};

/// For each task of the graph, its own seconds and those of the longest chain of descendants. `seconds` is asked for each task once; 0 for
/// what is done leaves the longest chain of what is not.
std::vector<double> critical_paths(const TaskGraph& graph, const std::function<double(base::TaskId)>& seconds);

/// Seconds until w workers have done tasks that take `total` seconds in all and `longest` along the longest chain: the larger of total / w
/// and longest. Both are lower bounds; giving out the longest first comes near the larger one.
double makespan(double total, double longest, std::size_t workers);

}  // namespace espalier::task
