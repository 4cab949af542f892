// The bridge: the science tower implements Stage and Pipeline, the farm tower runs them without knowing what they do.
#pragma once
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "espalier/task/field.hpp"
#include "espalier/task/task.hpp"

namespace espalier::task {

/// What a stage returns when it succeeds.
struct StageResult {
  Parameters values;
  std::vector<Array> arrays;
};

/// What the worker hands to a running stage.
struct StageContext {
  std::filesystem::path output_directory;  ///< inputs' names are relative to it
  /// Temporary name; a stage that leaves a part file writes and closes it here. Empty: the run has no output directory, or the stage has
  /// said that it leaves none.
  std::filesystem::path part_path;
  std::vector<Array> payload;                                   ///< what Stage::payload returned for the attempt
  std::function<bool()> stop_requested = [] { return false; };  ///< polled by long stages; see limit_reached
  /// Which of its limits made stop_requested() true: "time", "cpu"; empty if none did. A stage that was stopped by a limit returns what
  /// it has, one that was stopped for another reason throws StageStopped.
  std::function<std::string_view()> limit_reached = [] { return std::string_view(); };
  /// Takes the result as far as it is known. The last one is the attempt's result if a limit of time kills it, and goes with the failure if
  /// it dies of something else; see Stage::cut_short. Does nothing for a stage without a process of its own.
  std::function<void(const StageResult&)> publish = [](const StageResult&) {};
};

/// Thrown by a stage that gave up because stop_requested() was true: the task goes back to the plan, it has not failed.
struct StageStopped {};

/// Why an attempt has no more than its last published result.
struct CutShort {
  std::string cause;    ///< "time" or "cpu": the limit that killed it, the published result becomes its result. Else the error_kind of its
                        ///< outcome: the published result goes with the failure.
  std::string message;  ///< in words
  double wall_seconds = 0;
};

/// One kind of work. run() is called from one thread at a time per process and must be a function of the attempt alone.
class Stage {
 public:
  virtual ~Stage() = default;
  virtual std::string kind() const = 0;
  virtual std::uint32_t schema_version() const = 0;
  /// Table of results.h5 in which its rows stand ("solves", "networks", ...).
  virtual std::string table() const = 0;
  /// Parameters that appear as columns, and result columns, with units and meanings.
  virtual const Schema& parameters() const = 0;
  virtual const Schema& columns() const = 0;
  /// The arrays it may return (name, unit, meaning; type is ignored).
  virtual const Schema& arrays() const = 0;
  /// Columns whose values are those of earlier stages: what they measured stands in their outcomes, not in what the stage reads, which is
  /// the same whenever they run. `values`: of the outcome of a parent; empty if it has none. Asked for when results.h5 is made.
  virtual Parameters inherited(const TaskSpec& /*spec*/, const std::function<const Parameters&(const StageKey& parent)>& /*values*/) const {
    return {};
  }
  virtual StageResult run(const Attempt& attempt, const StageContext& context) const = 0;
  /// run() may leave a part file (StageContext::part_path).
  virtual bool leaves_part() const { return false; }
  /// Limits of the process of its own in which the attempt is to run; none: it runs in the worker's process. For stages whose libraries may
  /// crash, hang or eat memory.
  virtual std::optional<ResourceLimits> limits(const Attempt&) const { return std::nullopt; }
  /// Its parameter, real, that is a limit of time: with a larger value the outcome is the same, but for one that met_limit(). Empty: none.
  virtual std::string limit_parameter() const { return ""; }
  /// A larger limit_parameter() could have given another outcome of a task with these parameters.
  virtual bool met_limit(const Outcome&, const Parameters&) const { return true; }
  /// What the attempt needs of something large that the worker's process holds anyway, such as one image of a data set. Called in the
  /// worker's process; run() finds it in StageContext::payload.
  virtual std::vector<Array> payload(const Attempt&) const { return {}; }
  /// For attempts with limits: run() leaves its process as it found it. It starts no threads and processes and changes no signals, limits
  /// and settings of libraries, and a result never depends on what ran before: the next such attempt may run in the same process.
  virtual bool leaves_no_trace(const Attempt&) const { return false; }
  /// For attempts with limits: called in the process from which theirs is forked, before the fork, to fill caches with what is slow to
  /// read, but small: forking takes 40 us per MiB. What it throws is dropped, run() meets it again.
  virtual void prepare(const Attempt&, const std::filesystem::path& /*output_directory*/) const {}
  /// An attempt with limits came to no result of its own; `partial` was published last. Writes into it what became of the rest.
  virtual void cut_short(StageResult& /*partial*/, const CutShort&) const {}
};

class StageRegistry {
 public:
  void add(std::unique_ptr<Stage> stage);            ///< throws Error(internal) if the kind is taken
  void add_missing(const StageRegistry& other);      ///< the kinds that are not there yet
  const Stage& find(const std::string& kind) const;  ///< throws Error(internal) naming the kinds there are
  const std::map<std::string, std::shared_ptr<const Stage>>& all() const { return stages_; }

 private:
  std::map<std::string, std::shared_ptr<const Stage>> stages_;
};

/// One stage that an instance needs.
struct StageRequest {
  std::string kind;
  Parameters parameters;
  std::vector<std::size_t> parents;  ///< indices of earlier requests of the same instance
  double expected_seconds = 1;
  double most_seconds = std::numeric_limits<double>::infinity();  ///< a limit of time of its own
};

/// From one instance of the grid (a complete, checked set of parameters) to the stages it needs, parents first; the last one is
/// its result. Requests of different instances with equal contents become one task.
class Pipeline {
 public:
  virtual ~Pipeline() = default;
  /// Every parameter that an experiment file may set, with defaults and legal values.
  virtual const Schema& schema() const = 0;
  /// Throws Error(configuration) when the combination makes no sense, naming the parameters.
  virtual std::vector<StageRequest> expand(const Parameters& instance) const = 0;
};

}  // namespace espalier::task
