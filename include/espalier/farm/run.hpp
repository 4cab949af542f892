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
  double hello_seconds = 60;            ///< how long to wait for the first worker
  task::ResourceLimits limits;          ///< what every attempt is given; stages that have a process of their own keep them
  sandbox::Sandbox* sandbox = nullptr;  ///< of a run alone, see run_worker
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
  double busy_share = 0;     ///< of the workers' time that was spent in stages
  bool left_behind = false;  ///< a worker did not end in time: leave the process by Link::abort(code), not by returning from main

  std::size_t done() const;    ///< in this run
  std::size_t failed() const;  ///< in this run
};

/// Runs `graph` on rank 0 of `link` while the other ranks are in run_worker. With a link of size 1 the worker is a thread of this
/// process: the same code over an in-process link. Outcomes go to `ledger`, and a task starts only after its parents' records are
/// synced. Ends when every task is settled, or after stop_requested() (stop.hpp), fail_fast or max_failures, or on an error; never
/// throws for what happens during the run. `finished`: the tasks of earlier runs.
RunResult run_master(wire::Link& link, const task::TaskGraph& graph, const task::StageRegistry& registry,
                     const std::filesystem::path& output_directory, std::span<const dispatch::FinishedTask> finished, Ledger& ledger,
                     const RunOptions& options = {});

/// The same with an output directory as ledger. Finished tasks whose part file is needed but missing or damaged run again.
RunResult run_master(wire::Link& link, const task::TaskGraph& graph, const task::StageRegistry& registry, store::OutputDirectory& directory,
                     const RunOptions& options = {});

/// Works until the master dismisses it; whatever a stage throws becomes a failed outcome. Part files are published below
/// `output_directory`, which all ranks share. Attempts of stages that have limits run in children of `sandbox`, which was made with
/// stage_work() of the same registry and directory; without one they run here. When the sandbox is lost, the worker gives back what it has
/// and takes no more.
void run_worker(wire::Link& link, const task::StageRegistry& registry, const std::filesystem::path& output_directory,
                sandbox::Sandbox* sandbox = nullptr);

/// What the sandbox of a worker does. Make the sandbox before MPI is initialised and before there are threads.
sandbox::Work stage_work(const task::StageRegistry& registry, const std::filesystem::path& output_directory);

/// For a worker rank that cannot work (it could not read the configuration, say): tells the master why, and waits to be dismissed.
void decline(wire::Link& link, const std::string& reason);

/// For rank 0 when it gives up before run_master: lets the other ranks end.
void dismiss(wire::Link& link);

/// A few lines for a person: counts per kind, and the failures grouped by reason.
std::string summary(const RunResult& result);

}  // namespace espalier::farm
