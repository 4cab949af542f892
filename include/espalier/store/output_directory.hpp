// The output directory of a run: run.journal, parts/, results.h5, plan.yaml, log/, and run.lock while a run writes.
#pragma once
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "espalier/base/error.hpp"
#include "espalier/base/hash.hpp"
#include "espalier/store/extension.hpp"
#include "espalier/store/journal.hpp"
#include "espalier/task/shard.hpp"
#include "espalier/task/task.hpp"

namespace espalier::store {

/// What a directory belongs to.
struct RunIdentity {
  std::string configuration;  ///< text of plan.yaml, the expanded configuration
  base::Digest fingerprint;   ///< equal for configurations that mean the same (plan::Plan::fingerprint)
  task::Shard shard;          ///< the part of the grid that is run here
};

enum class OpenMode {
  resume,  ///< a new directory, or one of this configuration, which is continued (--resume auto)
  fresh,   ///< refuses a directory in which a run has begun (--resume never)
};

/// The directory belongs to another configuration; inspect() lets the caller say what changed.
class ConfigurationChanged : public base::Error {
 public:
  using Error::Error;
};

/// Something about a run that is kept for provenance.
struct Event {
  std::string name;  ///< "run started", "run ended", "results written", "configuration changed"
  double time = 0;   ///< Unix time, s
  std::map<std::string, std::string> facts;
};

/// "run started" with what this process knows: version, git commit, compiler, build, host, CPU, process id, job id, and the given facts
/// ("rank_layout" and versions of libraries, say).
Event run_started(std::map<std::string, std::string> facts = {});
/// "run ended" with its reason: "complete", "stopped by SIGINT", ...
Event run_ended(const std::string& reason);

/// Why a task failed.
struct Failure {
  std::string error_kind;
  std::string message;
};

/// The latest result of a task: later ones supersede earlier ones, but a done one is never superseded by a failed one. There may be a
/// million: what few of them have stands elsewhere.
struct Finished {
  task::OutcomeKind kind = task::OutcomeKind::done;
  std::shared_ptr<const Failure> failure;      ///< of a failed one, else null
  std::shared_ptr<const task::PartFile> part;  ///< null: it left none
  double started = 0;                          ///< Unix time, s
  double wall_seconds = 0;
  std::uint64_t record = 0;  ///< offset in the journal

  std::string error_kind() const { return failure ? failure->error_kind : ""; }
  std::string message() const { return failure ? failure->message : ""; }
};
using FinishedTasks = std::unordered_map<task::StageKey, Finished>;

/// Asked when the directory belongs to another configuration, which its identity() still is: what is to become of the tasks there, or a
/// refusal, thrown.
using ExtensionPlanner = std::function<Extension(const OutputDirectory&)>;

class DirectoryLock;

/// Whether this process sees the very directory that another one has opened and locked: "" if there is a lock with `token` in it, else what
/// was found.
std::string find_lock(const std::filesystem::path& directory, const std::string& token);

/// Everything refused is Error(store) that names the directory and what to do; Error(io) when the system fails in the middle.
class OutputDirectory {
 public:
  /// For the one process that runs. Creates the layout or replays what is there; repairs a damaged journal (what is dropped is kept beside
  /// it, whole records behind it are kept); forgets finished tasks whose part file is gone, so that they run again; removes temporary files
  /// that killed runs have left. With a planner the directory of another configuration becomes one of this: what it plans is durable before
  /// the first task runs, all of it or nothing. Refused: a directory of other files, one that cannot be written, one of another format
  /// version, one of another configuration without a planner (ConfigurationChanged), one of another shard, one that a living run has
  /// locked.
  static OutputDirectory open(const std::filesystem::path& path, const RunIdentity& identity, OpenMode mode = OpenMode::resume,
                              const ExtensionPlanner& extend = {});
  /// For reading (status, check, report), also while a run writes: no lock, nothing is changed, a torn tail is ignored.
  static OutputDirectory inspect(const std::filesystem::path& path);

  ~OutputDirectory();  ///< drops what is not synced, releases the lock
  OutputDirectory(OutputDirectory&&) noexcept;
  OutputDirectory& operator=(OutputDirectory&&) noexcept;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path journal_path() const { return path_ / "run.journal"; }
  std::filesystem::path results_path() const { return path_ / "results.h5"; }
  std::filesystem::path plan_path() const { return path_ / "plan.yaml"; }
  std::filesystem::path log_directory() const { return path_ / "log"; }

  const RunIdentity& identity() const { return identity_; }
  const FinishedTasks& finished() const { return finished_; }
  const std::vector<Event>& events() const { return events_; }
  /// Tasks that had failed, are to run again (forget_failed) and have no outcome yet.
  const std::unordered_set<task::StageKey>& retried() const { return retried_; }
  /// Kinds of the tasks that had an outcome when a changed configuration no longer asked for them; it may ask for some again.
  const std::unordered_map<task::StageKey, std::string>& left() const { return left_; }
  /// Of the journal when it was opened: how much was read, and what was dropped and why.
  const ReplayResult& replay() const { return replay_; }
  /// Where the dropped bytes went; empty if there were none, or by inspect().
  const std::filesystem::path& dropped_bytes() const { return dropped_bytes_; }
  bool read_only() const { return !writer_.has_value(); }
  /// Of its lock (see find_lock); empty if it was opened for reading.
  std::string token() const;
  /// A run holds the directory's lock and is not known to be dead.
  bool running() const;

  /// Buffered; durable, and only then to be called done, after sync(). Error(io) from sync() leaves everything synced before intact.
  /// Shared arrays stand in the journal once.
  void append(const task::Outcome& outcome);
  void append(const Event& event);
  /// Keeps a copy of a file that parameters name (task::import_name), from which stages read it: the run does not depend on where it stood.
  /// Error(configuration) if its content is no longer what the hash says.
  void keep_file(const std::filesystem::path& file, const base::Digest& hash);
  /// The failed outcomes of these tasks count no longer: the tasks are waiting again, also for later runs. Done ones stay.
  void forget_failed(std::span<const task::StageKey> keys);
  void sync();
  std::size_t unsynced() const { return writer_ ? writer_->unsynced() : 0; }

  /// The whole outcome of a finished task, read from the journal (synced records only). Error(internal) if the task is not finished.
  task::Outcome outcome(const task::StageKey& key) const;

 private:
  explicit OutputDirectory(std::filesystem::path path);
  void create(const RunIdentity& identity);
  void resume(const RunIdentity& identity, const ExtensionPlanner& extend);
  void record(const Extension& extension, const RunIdentity& identity);
  void recognise_by_plan(const RunIdentity& identity) const;
  void read_journal();
  void forget_lost_parts();
  void keep_shared(const task::Array& array);
  void take(const Record& record);
  void take_outcome(const Record& record);
  void take(const task::StageKey& key, Finished finished);
  void take_retry(std::span<const task::StageKey> keys);
  void take_extension(const Extension& extension);

  std::filesystem::path path_;
  std::unique_ptr<DirectoryLock> lock_;
  std::optional<JournalWriter> writer_;
  RunIdentity identity_;
  bool has_identity_ = false;
  FinishedTasks finished_;
  std::unordered_set<task::StageKey> retried_;
  std::unordered_map<task::StageKey, std::string> left_;
  std::unordered_map<base::Digest, std::uint64_t> arrays_;  ///< by content: offset in the journal of what outcomes share
  std::vector<Event> events_;
  ReplayResult replay_;
  std::filesystem::path dropped_bytes_;
};

}  // namespace espalier::store
