// The farm: connects link, dispatcher, ledger and clock.
#pragma once
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "espalier/dispatch/master.hpp"
#include "espalier/farm/ledger.hpp"
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
  std::size_t max_failures = 0;  ///< give out no more work once so many tasks failed; 0: no limit
  bool fail_fast = false;        ///< the first failure ends the run; running stages are asked to stop
  int max_attempts = 3;          ///< tries at a task that loses its workers
  ProgressStyle progress = ProgressStyle::automatic;
  double plain_interval_seconds = 10;  ///< between plain progress lines
  double stop_grace_seconds = 4;       ///< after a stop request (Ctrl-C, SIGUSR1): running stages may take so long; SIGTERM: a fifth
  double hello_seconds = 60;           ///< workers that have not reported by then are counted as lost
};

struct Failure {
  task::StageKey key;
  std::string kind;  ///< of the stage
  std::string error_kind;
  std::string message;
};

struct RunResult {
  dispatch::Snapshot counts;
  bool settled = false;  ///< every task is done or failed
  dispatch::StopReason stopped = dispatch::StopReason::none;
  std::vector<Failure> failures;  ///< of this run, those with error kind "parent" included
  std::size_t failed_before = 0;  ///< in earlier runs
  double wall_seconds = 0;
  int workers = 0;           ///< that took part
  double busy_share = 0;     ///< of the workers' time that was spent in stages
  bool left_behind = false;  ///< a worker did not end in time: leave the process by Link::abort(code), not by returning from main
};

/// Runs `graph` on rank 0 of `link`; the other ranks are in run_worker. A link of size 1 runs the worker in a thread of this process:
/// the same code over an in-process link. Outcomes go to `ledger`, and children start only after their parents' records are synced.
/// Ends when every task is settled, or after stop_requested() (see stop.hpp), fail_fast or max_failures. `finished` are the tasks of
/// earlier runs. Throws what the ledger throws (after dismissing the workers), and Error(configuration) if no worker can start.
RunResult run_master(wire::Link& link, const task::TaskGraph& graph, std::span<const dispatch::FinishedTask> finished,
                     const task::StageRegistry& registry, const std::filesystem::path& output_directory, Ledger& ledger,
                     const RunOptions& options = {});

/// Works until the master dismisses it. Whatever a stage throws becomes a failed outcome. Part files are published below
/// `output_directory`.
void run_worker(wire::Link& link, const task::StageRegistry& registry, const std::filesystem::path& output_directory);

/// For a worker rank that cannot work (it could not read the configuration, say): tells the master why and waits to be dismissed.
void decline(wire::Link& link, const std::string& reason);

/// For rank 0 when it gives up before run_master: lets the other ranks end.
void dismiss(wire::Link& link);

/// A few lines for a person: counts per kind, and the failures grouped by reason.
std::string summary(const RunResult& result);

}  // namespace espalier::farm
