// The master as a pure state machine: events and a time go in, commands come out. No I/O and no clock, so that every order of
// events can be tried in a test (model: HyperQueue's reactor).
#pragma once
#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <optional>
#include <queue>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "espalier/dispatch/snapshot.hpp"
#include "espalier/task/cost_model.hpp"
#include "espalier/task/task.hpp"

namespace espalier::dispatch {

struct MasterOptions {
  std::optional<std::size_t> max_failures;  ///< once so many tasks have failed in this run no more work is given out; running tasks end
  bool fail_fast = false;                   ///< the first failure ends the run, and running stages are asked to stop
  int max_attempts = 3;                     ///< a task that was running when its worker was lost this often is failed
  std::size_t suspect_after = 5;            ///< failures of a worker in a row that put it on probation; 0: never
  std::size_t prefetch = 64;                ///< most tasks that a worker holds, the running one included ...
  double prefetch_seconds = 0.02;           ///< ... as long as their expected times add up to no more than this
  double take_back_seconds = 0.5;           ///< a task that runs longer loses the tasks that wait behind it to other workers
  double deadline = std::numeric_limits<double>::infinity();  ///< by then every task must have ended
  task::CostModel costs = {};                                 ///< of earlier runs; what this run measures comes to it
  std::size_t reorder_after = 16;                             ///< measured tasks, then twice as many, and so on; 0: the order stays
};

/// A task whose record is durable from an earlier run.
struct FinishedTask {
  task::StageKey key;
  task::OutcomeKind kind = task::OutcomeKind::done;
  std::string message;  ///< of a failed one
  std::optional<task::PartFile> part;
  double wall_seconds = 0;  ///< of a done one, for the estimates of its kind
};

/// Send the attempt to the worker.
struct Assign {
  base::Rank worker;
  base::TaskId task;
  base::AttemptId attempt;
};
/// The worker need not begin this attempt: it was given to somebody else. If it has begun, its outcome is dropped.
struct Cancel {
  base::Rank worker;
  base::AttemptId attempt;
};
/// The worker gives back what it has not begun and asks its running stage to stop.
struct AskStop {
  base::Rank worker;
};
/// Append to the journal; call Master::durable once it is synced.
struct Record {
  base::TaskId task;
  task::Outcome outcome;
};
/// For the log: the worker fails what others do. It gets no more work; what it failed goes to the others.
struct Quarantine {
  base::Rank worker;
  std::size_t failures = 0;  ///< that it had in a row
};
using Command = std::variant<Assign, Cancel, AskStop, Record, Quarantine>;
using Commands = std::vector<Command>;

enum class StopReason {
  none,
  requested,
  failures,     ///< max_failures or fail_fast
  no_workers,   ///< every worker was lost
  environment,  ///< a task met an error of kind io: a full disk, say
  deadline,     ///< it has come, or nothing that is left can end before it
};

/// Rules:
/// - A task is ready when the records of all its parents are durable. Ready tasks are given out by longest critical path (own
///   expected time plus that of the longest chain of descendants), so longest expected first among tasks without children. Expected times
///   are learned (task::CostModel); the order is made anew each time twice as many tasks have been measured.
/// - An idle worker gets a task as soon as one is ready. Beyond that a worker is sent small tasks in advance, and never has a task
///   waiting behind one that is not small. "Small" is judged by the expected time.
/// - The descendants of a failed task become failed rows of error kind "parent".
/// - An outcome of an attempt that is not the current one of its task is dropped.
/// - An outcome of error kind "io" says nothing of its task: the disk, or what the task reads, is at fault. The task is ready again, and
///   the run ends, with running stages asked to stop.
/// - When a worker is lost, its tasks become ready again; they are then given to a worker alone, so that it is known which one
///   kills workers; the task it was certainly running is charged with one of its max_attempts.
/// - A worker that fails all of a kind must not use up the tasks of the others, and tasks that fail everywhere must not ruin workers.
///   So while others work, a failure is withheld until its worker succeeds with a task of that kind. After suspect_after failures in a
///   row the worker waits, and another one tries the last of these tasks: if that succeeds, the worker is quarantined and all that it
///   failed in a row goes to others; if it fails there too, the failures are recorded, the worker goes on, and the next test comes after
///   twice as many. Nothing is withheld with fail_fast or max_failures <= suspect_after, when no other worker is there, and when nothing
///   else is left to do.
/// - A task that, by its corrected expected time (never more than its own limit), cannot end before the deadline is not started: shorter
///   ones take its place. When nothing fits and nothing runs, the run ends; at the deadline workers are asked to stop.
/// All methods are deterministic: the same events give the same commands.
class Master {
 public:
  /// `graph` must outlive the Master. Throws Error(internal) if parents do not come before their children or two tasks have one key.
  Master(const task::TaskGraph& graph, std::span<const FinishedTask> finished, MasterOptions options = {});

  /// Descendants of tasks that failed in an earlier run: to be recorded before anything else. Call once.
  Commands start(double now);
  Commands add_worker(base::Rank worker, double now);
  /// It takes no more work but is alive: it was asked to stop, or another cause of its own.
  Commands retire_worker(base::Rank worker, double now);
  /// It is gone, with whatever it held.
  Commands lose_worker(base::Rank worker, const std::string& reason, double now);
  /// Outcomes of superseded attempts are dropped.
  Commands outcome(base::Rank worker, task::Outcome outcome, double now);
  /// The attempt was not begun or gave up because it was asked to: the task is ready again.
  Commands returned(base::Rank worker, base::AttemptId attempt, double now);
  /// Every Record handed out so far, up to `count` since construction, is synced.
  Commands durable(std::uint64_t count, double now);
  /// No more work is given out; workers are asked to stop.
  Commands stop(double now, StopReason reason = StopReason::requested);
  /// Call now and then (every 100 ms): tasks waiting behind an overrunning one are taken back, and the deadline is watched.
  Commands tick(double now);

  /// The message for Assign.
  task::Attempt attempt(base::TaskId task, base::AttemptId attempt) const;

  /// No task is with a worker, every record is durable, and nothing will be given out: all is settled, or the run was stopped.
  bool finished() const;
  /// Every task is done or failed, durably.
  bool settled() const { return settled_ == graph_.tasks.size(); }
  StopReason stop_reason() const { return stop_reason_; }
  /// Workers that take work.
  std::size_t active_workers() const { return active_workers_; }
  /// It is there, and neither retired nor waiting for the outcome of a test.
  bool takes_work(base::Rank worker) const;
  const Snapshot& snapshot() const { return snapshot_; }
  /// Until the end, with the workers there are (task::makespan): what is left as expected, less what running tasks have had of it. One that
  /// has run for longer than expected is expected to go on for as long as it is late, at most to its own limit.
  double remaining_seconds(double now);

 private:
  enum class State : std::uint8_t { waiting, ready, assigned, recorded, settled };
  struct Task {
    State state = State::waiting;
    bool failed = false;      ///< once recorded
    bool suspect = false;     ///< was with a worker that was lost: runs alone from now on
    int lost_workers = 0;     ///< lost for certain while it ran
    std::uint32_t kind = 0;   ///< index into snapshot_.kinds
    std::uint32_t order = 0;  ///< place in the order of priorities
    std::uint32_t group = 0;  ///< in costs_
    std::uint32_t open_parents = 0;
    std::uint32_t first_child = 0;  ///< into children_
  };
  struct Held {
    base::TaskId task;
    base::AttemptId attempt;
    double seconds = 0;  ///< estimate when it was sent
  };
  struct Worker {
    std::deque<Held> held;    ///< in the order of sending; the first one is running
    double held_seconds = 0;  ///< sum of the estimates
    double head_since = 0;    ///< when the first one became the first
    bool overrun = false;     ///< the first one took longer than take_back_seconds
    bool active = true;
    bool on_probation = false;                                     ///< waits until another worker has tried one of the tasks that it failed
    bool quarantined = false;                                      ///< gets no more work
    std::size_t patience = 0;                                      ///< failures in a row until the next probe
    std::vector<std::pair<base::TaskId, task::Outcome>> withheld;  ///< its failures of each kind since its last success with that
  };
  using Workers = std::map<base::Rank, Worker>;

  // Construction (graph.cpp).
  void link_graph();
  void order_by_critical_path();
  void measure(base::TaskId id, double seconds);
  void reorder_if_due();
  void apply_finished(std::span<const FinishedTask> finished);

  // A task's way (master.cpp).
  void make_ready(base::TaskId id);
  void record(base::TaskId id, task::Outcome outcome, Commands& commands);
  void fail_descendants(base::TaskId id, const std::string& message, Commands& commands);
  void settle(base::TaskId id);
  void end_run(StopReason reason, bool ask_workers, Commands& commands);

  // Who gets what (assign.cpp).
  void fill(Commands& commands, double now);
  void assign_next(Workers::value_type& worker, Commands& commands, double now);
  bool may_prefetch(const Worker& worker, double now);
  bool small(base::TaskId id) const;
  double estimate(base::TaskId id) const;
  bool anything_fits(double now, double queued_seconds = 0);
  void check_deadline(Commands& commands, double now);
  std::optional<Held> take(Worker& worker, base::AttemptId attempt, double now);
  void note_idle(Workers::value_type& worker);

  // Workers that fail everything (quarantine.cpp).
  void take_failure(Workers::value_type& worker, base::TaskId id, task::Outcome outcome, Commands& commands);
  void start_probation(Workers::value_type& worker, Commands& commands);
  void take_probe_result(base::TaskId id, bool failed, Commands& commands);
  void take_success(Workers::value_type& worker, std::uint32_t kind, Commands& commands);
  void reinstate(Workers::value_type& worker, Commands& commands, std::optional<std::uint32_t> kind = std::nullopt);
  void quarantine(Workers::value_type& worker, Commands& commands);
  void try_again(Worker& worker);
  void end_probes(base::Rank of);
  void release(Worker& worker, Commands& commands, std::optional<std::uint32_t> kind = std::nullopt);
  void release_all(Commands& commands);
  void reinstate_if_nobody_else(Commands& commands);
  void deactivate(Workers::value_type& worker);
  bool others_work(const Worker& worker) const;

  Task& state(base::TaskId id) { return tasks_[id.value]; }
  const Task& state(base::TaskId id) const { return tasks_[id.value]; }
  const task::PlannedTask& planned(base::TaskId id) const { return graph_.tasks[id.value]; }
  KindCounts& counts(base::TaskId id) { return snapshot_.kinds[state(id).kind]; }
  std::span<const base::TaskId> children(base::TaskId id) const;

  const task::TaskGraph& graph_;
  MasterOptions options_;
  std::vector<Task> tasks_;             // one more than there are, for first_child
  std::vector<base::TaskId> children_;  // of task 0, then of task 1, ...
  std::vector<base::TaskId> by_order_;  // longest critical path first
  std::vector<double> paths_;           // critical path of each task, when it was ordered
  std::uint32_t first_open_ = 0;        // in by_order_: before it all have been given out
  task::CostModel costs_;
  std::vector<std::uint32_t> unsettled_;                                                  // tasks of each group of costs_
  std::size_t next_reorder_ = 0;                                                          // tasks measured by then
  std::unordered_map<base::TaskId, task::PartFile> parts_;                                // of done tasks
  std::vector<std::pair<base::TaskId, std::string>> failed_before_;                       // with their messages, until start()
  std::priority_queue<std::uint32_t, std::vector<std::uint32_t>, std::greater<>> ready_;  // places in by_order_
  std::deque<base::TaskId> urgent_;                                                       // ready, and first of all: tests of workers
  std::map<base::TaskId, base::Rank> probes_;  // task -> the worker that its result quarantines or reinstates
  std::size_t on_probation_ = 0;               // workers
  std::vector<std::uint32_t> too_long_;        // ready, but not before the deadline, as far as is known now; places in by_order_
  double next_review_ = 0;                     // of too_long_
  Workers workers_;
  std::set<base::Rank> idle_;          // active, holding nothing
  std::deque<base::TaskId> unsynced_;  // recorded, in order
  std::uint64_t synced_ = 0;           // records
  std::uint64_t next_attempt_ = 1;
  std::size_t settled_ = 0;
  std::size_t held_ = 0;
  std::size_t active_workers_ = 0;
  std::size_t failures_ = 0;  // in this run, those of error kind "parent" not counted
  StopReason stop_reason_ = StopReason::none;
  bool asked_to_stop_ = false;
  Snapshot snapshot_;
};

}  // namespace espalier::dispatch
