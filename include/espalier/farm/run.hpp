// The farm: connects link, dispatcher, ledger and clock.
#pragma once
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "espalier/base/error.hpp"
#include "espalier/dispatch/master.hpp"
#include "espalier/farm/ledger.hpp"
#include "espalier/sandbox/sandbox.hpp"
#include "espalier/store/output_directory.hpp"
#include "espalier/task/stage.hpp"
#include "espalier/wire/link.hpp"

namespace espalier::farm {

enum class ProgressStyle {
  automatic,  ///< one line that updates itself on a terminal, else plain lines
  line,
  plain,
  none,
};

struct RunOptions {
  std::size_t max_failures = 0;  ///< give out no more work once so many tasks failed in this run; 0: no limit
  bool fail_fast = false;        ///< the first failure ends the run; running stages are asked to stop
  int max_attempts = 3;          ///< tries at a task that loses its workers
  ProgressStyle progress = ProgressStyle::automatic;
  double plain_interval_seconds = 10;   ///< between plain progress lines
  double stop_grace_seconds = 4;        ///< how long stages may run on once they were asked to stop; a fifth of it after SIGTERM
  std::optional<double> deadline;       ///< Unix time at which the program has to be gone, or nearly
  double hello_seconds = 60;            ///< how long to wait for ranks that have not said hello when no other can work
  double silence_seconds = 60;          ///< a worker that is not heard of for so long is lost
  task::ResourceLimits limits;          ///< what every attempt is given; stages that have a process of their own keep them
  sandbox::Sandbox* sandbox = nullptr;  ///< of a run alone, see WorkerOptions
  task::CostModel costs;                ///< what stages took in earlier runs
  std::string directory_token;          ///< of the output directory's lock: workers that do not find it there are refused; empty: none is
};

struct WorkerOptions {
  /// Attempts of stages that have limits run in its children; without one they run in this process. Made with stage_work() of the same
  /// registry. When it is lost, the worker gives back what it has and takes no more.
  sandbox::Sandbox* sandbox = nullptr;
  double silence_seconds = 60;   ///< without a sign of the master, after which the rank leaves; the same as the master's
  double directory_seconds = 5;  ///< how long to look for the output directory: what a file system over a network shows may be old
};

struct Failure {
  task::StageKey key;
  std::string kind;        ///< of the stage
  std::string error_kind;  ///< as in task::Outcome
  std::string message;
};

struct RunResult {
  dispatch::Snapshot counts;
  bool settled = false;  ///< every task is done or failed, durably
  dispatch::StopReason stopped = dispatch::StopReason::none;
  /// Why the run could not go on: the ledger failed (error kinds io, store), no worker could start (configuration), a defect (internal).
  std::optional<base::Error> error;
  std::vector<Failure> failures;  ///< of this run, those with error kind "parent" included
  double wall_seconds = 0;
  int workers = 0;           ///< that took part
  int lost = 0;              ///< of them, that died or fell silent
  double busy_share = 0;     ///< of the workers' time that was spent in stages
  bool left_behind = false;  ///< a worker did not end in time; see leave()

  std::size_t done() const;    ///< in this run
  std::size_t failed() const;  ///< in this run
};

/// Runs `graph` on rank 0 of `link` while the other ranks are in run_worker. With a link of size 1 the worker is a thread of this
/// process: the same code over an in-process link. Outcomes go to `ledger`, and a task starts only after its parents' records are
/// synced. Ends when every task is settled, or after stop_requested() (stop.hpp), fail_fast or max_failures, or on an error; never
/// throws for what happens during the run. `finished`: the tasks of earlier runs. With an empty `output_directory` stages leave no part
/// files, and what their children print is lost.
RunResult run_master(wire::Link& link, const task::TaskGraph& graph, const task::StageRegistry& registry,
                     const std::filesystem::path& output_directory, std::span<const dispatch::FinishedTask> finished, Ledger& ledger,
                     const RunOptions& options = {});

/// The same with an output directory as ledger. Finished tasks whose part file is needed but missing or damaged run again.
RunResult run_master(wire::Link& link, const task::TaskGraph& graph, const task::StageRegistry& registry, store::OutputDirectory& directory,
                     const RunOptions& options = {});

/// Works until the master dismisses it; whatever a stage throws becomes a failed outcome. Part files are published below the master's
/// output directory, which all ranks share. It is looked for at the master's path for it, then at `output_directory`, which is this rank's;
/// a rank that sees it at neither place is refused before any work. Stages run in a thread of their own; this one only listens and talks.
/// A rank that finds the master gone or silent ends its process with exit code 75.
void run_worker(wire::Link& link, const task::StageRegistry& registry, const std::filesystem::path& output_directory,
                const WorkerOptions& options = {});

/// One attempt at a task without parents, by itself and without an output directory: in a child of `sandbox` if its stage has limits. None
/// if it was stopped because of stop_requested() (stop.hpp). Throws sandbox::ServerLost.
std::optional<task::Outcome> run_attempt(const task::Attempt& attempt, const task::StageRegistry& registry, sandbox::Sandbox& sandbox);

/// What the sandbox of a worker does. Make the sandbox before MPI is initialised and before there are threads.
sandbox::Work stage_work(const task::StageRegistry& registry);

/// For a worker rank that cannot work (it could not read the configuration, say): tells the master why, and waits to be dismissed.
void decline(wire::Link& link, const std::string& reason, const WorkerOptions& options = {});

/// For rank 0, first of all: tells the other ranks which process to watch while it prepares the run, which may take minutes.
void welcome(wire::Link& link);

/// For rank 0 when it gives up before run_master: lets the other ranks end.
void dismiss(wire::Link& link);

/// For rank 0, last of all, when what there is to write has been written: lets the other ranks end. Returns if this process may end by
/// returning from main; if a worker was lost or left behind (alone: its thread still runs) it ends the process here, with `exit_code`.
void leave(wire::Link& link, const RunResult& result, int exit_code);

/// A few lines for a person: counts per kind, and the failures grouped by reason.
std::string summary(const RunResult& result);

}  // namespace espalier::farm
