#include "app/ranks.hpp"

#include <cstdlib>
#include <exception>

#include "app/exit_codes.hpp"
#include "app/launcher.hpp"
#include "app/surroundings.hpp"
#include "espalier/app/program.hpp"
#include "espalier/base/log.hpp"
#include "espalier/farm/stop.hpp"
#include "espalier/wire/connect.hpp"

namespace espalier::app {

namespace {

struct Equipment {
  const task::StageRegistry* stages = nullptr;
  std::unique_ptr<sandbox::Sandbox> sandbox;
  std::exception_ptr error;

  Equipment(const RankOptions& options, const std::function<const task::StageRegistry&()>& make_stages) {
    try {
      stages = &make_stages();
      if (options.use_sandbox) sandbox = std::make_unique<sandbox::Sandbox>(farm::stage_work(*stages));
    } catch (...) {
      error = std::current_exception();
    }
  }
};

/// What keeps this rank from working is told to the master, which goes on with the others.
int run_worker(const RankOptions& options, wire::Link& link, const Equipment& equipment) {
  base::configure_log(base::LogLevel::info, fmt::format("rank {}", link.rank().value));
  const farm::WorkerOptions worker{.sandbox = equipment.sandbox.get(), .silence_seconds = options.silence_seconds};
  try {
    if (equipment.error) std::rethrow_exception(equipment.error);
  } catch (const std::exception& e) {
    farm::decline(link, e.what(), worker);
    return exit_done;
  }
  farm::run_worker(link, *equipment.stages, options.directory, worker);
  return exit_done;
}

}  // namespace

int on_all_ranks(const RankOptions& options, const std::function<const task::StageRegistry&()>& make_stages,
                 const std::function<Ended(Master& master)>& master) {
  require_descriptors();
  const farm::StopSignals signals;  // at once: what comes before kills this rank
  Equipment equipment(options, make_stages);
  const std::unique_ptr<wire::Link> link = wire::connect();
  write_ready();
  if (link->rank().value != 0) return run_worker(options, *link, equipment);
  bool workers_wait = true;
  try {
    farm::welcome(*link);
    if (equipment.error) std::rethrow_exception(equipment.error);
    Master first{.link = *link, .stages = *equipment.stages, .sandbox = std::move(equipment.sandbox), .workers_wait = workers_wait};
    const Ended ended = master(first);
    write_exit_code(ended.exit_code);
    if (workers_wait)
      farm::dismiss(*link);
    else
      farm::leave(*link, ended.result, ended.exit_code);
    return ended.exit_code;
  } catch (...) {  // told here: leaving MPI may hang, in recovery mode it then ends by an alarm
    const int exit_code = report_error();
    if (options.after_refusal) options.after_refusal(exit_code);
    write_exit_code(exit_code);
    if (workers_wait) farm::dismiss(*link);
    return exit_code;
  }
}

void warn_of_lonely_tasks(const wire::Link& link, std::string_view what) {
  const char* task = std::getenv("SLURM_PROCID");
  if (link.size() > 1 || wire::launched_tasks() <= 1 || (task != nullptr && std::string_view(task) != "0")) return;
  base::log_warning(
      "this is one of {} processes that were started together, but MPI does not connect them: each {}. Start them with "
      "'srun --mpi=pmix' or with mpirun (jobs/slurm)",
      wire::launched_tasks(), what);
}

}  // namespace espalier::app
