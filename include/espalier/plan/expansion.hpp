// From the blocks of an experiment to its instances: complete sets of parameters.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "espalier/config/experiment.hpp"
#include "espalier/task/field.hpp"

namespace espalier::plan {

/// Number of instances before exclusions, by multiplying; exact below 2^53, correctly rounded products above. Takes microseconds
/// whatever the count is.
double instance_bound(const config::Experiment& experiment);

/// The sizes behind that number, one line per block: "grid[0]: dataset.name (2) x [train.seed, problem.epsilon] (10) = 20".
std::string describe_axes(const config::Experiment& experiment);

/// How many tasks a plan may have.
struct TaskLimit {
  std::int64_t tasks = 0;
  std::string why;  ///< "run.max_tasks allows 99 (--set run.max_tasks=N allows more)"
};

/// The setting run.max_tasks; if that is 0, half of base::memory_bytes() over 512: the master of a run of a million tasks held 370 bytes a
/// task in its first minute.
TaskLimit task_limit(const config::Experiment& experiment);

/// Throws Error(configuration) with the count and the axes' sizes if instance_bound() is above task_limit().
void check_size(const config::Experiment& experiment);

struct ExpansionCount {
  std::uint64_t instances = 0;
  std::uint64_t excluded = 0;
  std::vector<std::string> notes;  ///< excludes and conditionals that matched no instance
};

/// One instance and the block it came from.
using InstanceVisitor = std::function<void(const task::Parameters& instance, const config::Block& block)>;

/// Calls `visit` for every instance in file order (first axis slowest); nothing is kept. Throws Error(configuration) naming block
/// and parameter when a required parameter is not set, or when no instance is left.
ExpansionCount for_each_instance(const config::Experiment& experiment, const task::Schema& schema, const InstanceVisitor& visit);

}  // namespace espalier::plan
