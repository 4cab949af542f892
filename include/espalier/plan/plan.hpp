// From an experiment to the graph of distinct stages that it needs.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "espalier/base/hash.hpp"
#include "espalier/config/experiment.hpp"
#include "espalier/task/cost_model.hpp"
#include "espalier/task/stage.hpp"
#include "espalier/task/task.hpp"

namespace espalier::plan {

/// How often one kind of stage is asked for, and how often it has to run.
struct StageCount {
  std::string kind;
  std::uint64_t requested = 0;  ///< by all instances together
  std::uint64_t distinct = 0;   ///< tasks; requested - distinct are shared
  double expected_seconds = 0;  ///< CPU time of the distinct ones
};

struct Plan {
  std::string name;
  std::string description;
  task::TaskGraph graph;              ///< distinct tasks, parents before children, otherwise in the order of their first request
  std::vector<base::TaskId> results;  ///< the last stages of the instances, each once, in the order of their first request
  std::vector<StageCount> stages;     ///< in the order in which kinds first appear
  std::uint64_t instances = 0;        ///< after exclusions, duplicates included
  std::uint64_t excluded = 0;
  std::uint64_t duplicates = 0;      ///< instances whose result another instance already gives
  double expected_seconds = 0;       ///< CPU time of all tasks
  double most_seconds = 0;           ///< the same if every task that has a limit of time meets it
  double longest_chain_seconds = 0;  ///< no number of workers finishes sooner
  std::size_t measured_tasks = 0;    ///< that the expected times were learned from; 0: they come from sizes alone
  base::Digest fingerprint;          ///< of the configuration: equal if and only if the sets of instances are equal
  std::string axes;                  ///< describe_axes() of the experiment
  std::vector<std::string> notes;
};

/// Schema version of a kind of stage; throws for kinds that do not exist.
using SchemaVersion = std::function<std::uint32_t(const std::string& kind)>;

/// Told now and then how many instances have been expanded, of at most how many: a million take some ten seconds.
using Progress = std::function<void(std::uint64_t instances, double most)>;

/// Expands the grid (for_each_instance), asks the pipeline for each instance's stages, names them by content (task::make_key) and
/// keeps each name once. Throws Error(configuration) when the grid is too large (check_size, and again if the distinct tasks exceed
/// task_limit), empty, incomplete, gives a parameter that none of its instances has (task::Variants), or when the pipeline refuses an
/// instance: then block and instance are named.
Plan make_plan(const config::Experiment& experiment, const task::Pipeline& pipeline, const SchemaVersion& schema_version,
               const Progress& progress = {});
Plan make_plan(const config::Experiment& experiment, const task::Pipeline& pipeline, const task::StageRegistry& stages,
               const Progress& progress = {});

/// Makes the plan's expected times those of the model; the tasks keep what was planned for them.
void expect(Plan& plan, const task::CostModel& costs);

/// Plan::fingerprint alone, without building the graph.
base::Digest fingerprint(const config::Experiment& experiment, const task::Schema& schema);

/// What `espalier plan` prints.
std::string describe(const Plan& plan);
/// The same as one JSON object.
std::string to_json(const Plan& plan);

}  // namespace espalier::plan
