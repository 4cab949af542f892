// One program on every rank: what a rank works with, who is the master, and how all of them end.
#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <string_view>

#include "espalier/farm/run.hpp"
#include "espalier/sandbox/sandbox.hpp"
#include "espalier/task/stage.hpp"
#include "espalier/wire/link.hpp"

namespace espalier::app {

struct RankOptions {
  bool use_sandbox = true;
  double silence_seconds = 60;
  std::filesystem::path directory;                   ///< the output directory as this rank was told it; may be empty
  std::function<void(int exit_code)> after_refusal;  ///< with the exception in flight that ended rank 0, once it was told; may be empty
};

struct Ended {
  farm::RunResult result;
  int exit_code = 0;
};

/// What rank 0 has.
struct Master {
  wire::Link& link;
  const task::StageRegistry& stages;
  std::unique_ptr<sandbox::Sandbox> sandbox;  ///< beside other ranks it is not needed: they have theirs
  bool& workers_wait;                         ///< false once farm::run_master is responsible for dismissing the workers, if it is called
};

/// Runs `master` on rank 0 and farm::run_worker on the others; without a launcher this process is rank 0 of 1. `make_stages` is called
/// before MPI and before threads: the sandbox's server is forked from what the process is then. What it throws is told when there is a
/// link: the other ranks would wait in MPI_Init for one that ended before. Returns the exit code.
int on_all_ranks(const RankOptions& options, const std::function<const task::StageRegistry&()>& make_stages,
                 const std::function<Ended(Master& master)>& master);

/// srun without an MPI plugin starts as many masters as it has tasks: the first one of them warns that each does `what`.
void warn_of_lonely_tasks(const wire::Link& link, std::string_view what);

}  // namespace espalier::app
