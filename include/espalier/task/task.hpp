// What travels between plan, dispatcher, workers and store.
#pragma once
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "espalier/base/file.hpp"
#include "espalier/base/hash.hpp"
#include "espalier/base/ids.hpp"
#include "espalier/task/shared_list.hpp"
#include "espalier/task/value.hpp"

namespace espalier::task {

/// Content hash of a stage: its kind, schema version, parameters and its parents' keys. Equal keys are one task.
using StageKey = base::Digest;

struct TaskSpec {
  StageKey key;
  std::string kind;                  ///< "train", "prune", "solve", ...
  std::uint32_t schema_version = 1;  ///< raised when a stage's meaning changes, so that old results are not reused
  Parameters parameters;
  SharedList<StageKey> parents;  ///< in the order in which the stage wants its inputs

  /// A seed for everything random in the stage that its parameters do not seed: derived from the key, never from ranks or order.
  std::uint64_t derived_seed() const { return key.low ^ (key.high * 0x9E3779B97F4A7C15ULL); }
};

/// The key of a stage with these contents.
StageKey make_key(const std::string& kind, std::uint32_t schema_version, const Parameters& parameters,
                  const std::vector<StageKey>& parents);

/// A finished part file below the output directory's parts/.
struct PartFile {
  std::string name;  ///< relative to the output directory: "parts/ab/<key>.h5"
  base::FileStamp stamp;
  friend bool operator==(const PartFile&, const PartFile&) = default;
};

/// Where an output directory keeps a file that parameters name (Field::check_file): relative to it, by hash and name.
inline std::string import_name(const std::string& hash, const std::string& file) { return "imports/" + hash + "/" + file; }

/// What an attempt may use when it runs in a process of its own. 0: no limit.
struct ResourceLimits {
  double wall_seconds = 0;   ///< the stage's own limit: it should end by itself; shortly after it is asked to, and then killed
  double grace_seconds = 0;  ///< from a limit, or from being asked to stop, to SIGKILL; 0: max(5 s, 5 % of wall_seconds)
  double cpu_seconds = 0;    ///< asked to stop there; killed after grace_seconds more
  double memory_mib = 0;     ///< address space beyond what the process starts with
  static constexpr double largest_memory_mib = 1e9;  ///< more is a slip of the pen: a petabyte
};

/// One try at a task, with its parents' part files in parent order (empty name: the parent left none).
struct Attempt {
  base::AttemptId id;
  TaskSpec spec;
  std::vector<PartFile> inputs;
  ResourceLimits limits = {};  ///< what the run allows a stage that has a process of its own; no part of the key
};

/// A small array that is stored with the outcome itself: an input, a trace, losses per epoch.
struct Array {
  std::string name;
  std::vector<double> values;
  bool shared = false;  ///< many outcomes have the same: it is stored once
  friend bool operator==(const Array&, const Array&) = default;
};

enum class OutcomeKind { done, failed };

/// What came of an attempt. Failing is data: kind, message and place are columns.
struct Outcome {
  StageKey key;
  base::AttemptId attempt;
  OutcomeKind kind = OutcomeKind::done;
  std::string
      error_kind;  ///< of base::ErrorKind, or "exception", "memory", "crashed", "timeout", "refused", "parent", "worker"; empty when done
  std::string message;  ///< empty when done
  Parameters values;    ///< result columns (see Stage::columns)
  std::vector<Array> arrays;
  std::optional<PartFile> part;
  int rank = 0;  ///< of the worker
  std::string host;
  double started = 0;  ///< Unix time, s
  double wall_seconds = 0;
  double cpu_seconds = 0;
  /// Largest resident memory of the attempt's own process, what it shares with the worker's sandbox included; NaN if it had none.
  double peak_memory_mib = std::numeric_limits<double>::quiet_NaN();
};

/// It failed with an error of kind io: not by the task, but by the disk or the files that it met.
inline bool is_of_environment(const Outcome& outcome) { return outcome.kind == OutcomeKind::failed && outcome.error_kind == "io"; }

/// A node of the stage graph. Parents come before children.
struct PlannedTask {
  TaskSpec spec;
  SharedList<base::TaskId> parents;                               ///< same order as spec.parents
  double expected_seconds = 1;                                    ///< for longest-expected-first and the ETA; never part of the key
  double most_seconds = std::numeric_limits<double>::infinity();  ///< its own limit of time ends it by then
};

struct TaskGraph {
  std::vector<PlannedTask> tasks;  ///< TaskId is the index
};

}  // namespace espalier::task
