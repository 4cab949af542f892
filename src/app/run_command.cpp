#include <fmt/ranges.h>

#include <csignal>
#include <cstring>
#include <iostream>
#include <set>

#include "app/commands.hpp"
#include "app/exit_codes.hpp"
#include "app/experiment_plan.hpp"
#include "app/extension.hpp"
#include "app/ranks.hpp"
#include "app/run_options.hpp"
#include "espalier/base/clock.hpp"
#include "espalier/base/log.hpp"
#include "espalier/engine/solve.hpp"
#include "espalier/farm/run.hpp"
#include "espalier/farm/stop.hpp"
#include "espalier/sandbox/sandbox.hpp"
#include "espalier/store/output_directory.hpp"
#include "espalier/store/results.hpp"
#include "espalier/store/retry.hpp"

namespace espalier::app {

namespace {

stages::Environment::Options environment_options(const RunOptions& options) {
  return {.data = data_search_path(options.data_dir), .save_problems = options.save_problems, .solver_logs = options.solver_logs};
}

/// A solver that this machine has not is refused before anything is trained. (Other ranks may still lack it: their solves fail.)
void check_solvers(const task::TaskGraph& graph) {
  std::set<std::string> solvers;
  for (const task::PlannedTask& planned : graph.tasks)
    if (const task::Value* solver = planned.spec.parameters.find("solve_solver")) solvers.insert(task::to_text(*solver));
  for (const std::string& solver : solvers) engine::require_program({.solver = solver});
}

/// Missing or damaged data are refused before anything is written or run. Returns what --data-dir must say for a shell in another
/// directory, without ESPALIER_DATA; empty: nothing.
std::string check_data(const task::TaskGraph& graph, const RunOptions& options) {
  std::set<std::string> names;
  for (const task::PlannedTask& planned : graph.tasks)
    if (const task::Value* name = planned.spec.parameters.find("dataset_name")) names.insert(task::to_text(*name));
  const data::SearchPath where = data_search_path(options.data_dir);
  bool relative = false;
  for (const std::string& name : names) {
    data::check_dataset(name, where);
    relative = data::find_dataset(name, where).is_relative() || relative;
  }
  if (!options.data_dir.empty()) return options.data_dir;
  const char* variable = std::getenv("ESPALIER_DATA");
  if (variable != nullptr && *variable != '\0') return variable;
  std::error_code none;
  return relative && !std::filesystem::equivalent("data", where.defaults.back(), none) ? "data" : "";
}

task::Shard shard_of(const RunOptions& options) { return options.shard.empty() ? task::Shard{} : task::shard_from_text(options.shard); }

store::OutputDirectory open_directory(const RunOptions& options, const ExperimentPlan& planned, const Catalogue& catalogue) {
  const store::RunIdentity identity{config::to_yaml(planned.experiment), planned.plan.fingerprint, shard_of(options)};
  const store::ExtensionPlanner extend = [&](const store::OutputDirectory& directory) {
    return extension_of(directory, planned, catalogue);
  };
  try {
    return store::OutputDirectory::open(options.out, identity, options.resume == "never" ? store::OpenMode::fresh : store::OpenMode::resume,
                                        options.extend ? extend : store::ExtensionPlanner());
  } catch (const store::ConfigurationChanged& changed) {
    refuse_changed(changed, store::OutputDirectory::inspect(options.out), planned, catalogue);
  }
}

double log_deadline(double deadline, const char* source) {
  base::log_info("deadline {} ({}), in {:.0f} s: nothing is started that cannot end by then", base::iso_time(deadline), source,
                 std::max(0.0, deadline - base::unix_time()));
  return deadline;
}

/// --deadline, else what Slurm says.
std::optional<double> deadline_of(const RunOptions& options) {
  if (!options.deadline.empty()) return log_deadline(base::unix_time_from(options.deadline, options.started), "--deadline");
  const char* slurm = std::getenv("SLURM_JOB_END_TIME");
  if (slurm == nullptr || *slurm == '\0') return std::nullopt;
  try {
    return log_deadline(base::unix_time_from("@" + std::string(slurm), options.started), "environment variable SLURM_JOB_END_TIME");
  } catch (const base::Error& error) {
    base::fail(error.kind(), "environment variable SLURM_JOB_END_TIME: {}", error.what());
  }
}

farm::RunOptions farm_options(const task::Parameters& run, const RunOptions& options, const Catalogue& catalogue,
                              sandbox::Sandbox* sandbox) {
  return {.max_failures = static_cast<std::size_t>(run.integer("max_failures")),
          .fail_fast = run.boolean("fail_fast"),
          .progress = options.quiet ? farm::ProgressStyle::none : farm::ProgressStyle::automatic,
          .deadline = deadline_of(options),
          .silence_seconds = options.silence_seconds,
          .limits = {.grace_seconds = run.real("kill_grace"), .cpu_seconds = run.real("cpu_limit"), .memory_mib = run.real("memory_limit")},
          .sandbox = sandbox,
          .costs = options.history.empty() ? task::CostModel() : learn_costs(options.history, catalogue)};
}

int exit_code_of_run(const farm::RunResult& result, const store::ResultCounts& counts) {
  if (result.error) return exit_code_of(result.error->kind());
  const bool by_failures = result.stopped == dispatch::StopReason::failures;
  if (!result.settled && result.stopped != dispatch::StopReason::none && !by_failures) return exit_stopped;
  if (counts.parts_left_out > 0) return exit_store;
  return counts.failed > 0 || !result.settled ? exit_some_failed : exit_done;
}

std::string reason_of_stop(int signal) {
  if (signal == 0) return "stopped: every worker was told to leave";
  if (const std::string asked = who_asked_to_stop(); !asked.empty()) return "stopped by " + asked;
  return signal == SIGINT ? "stopped by Ctrl-C" : fmt::format("stopped by SIG{}", ::sigabbrev_np(signal));
}

std::string reason_of(const farm::RunResult& result) {
  if (result.error) return fmt::format("error: {}", result.error->what());
  switch (result.stopped) {
    case dispatch::StopReason::requested:
      return reason_of_stop(farm::stop_signal());
    case dispatch::StopReason::failures:
      return "stopped after failures";
    case dispatch::StopReason::no_workers:
      return "every worker was lost";
    case dispatch::StopReason::deadline:
      return "nothing that is left can end before the deadline";
    case dispatch::StopReason::environment:  // there is an error then
    case dispatch::StopReason::none:
      break;
  }
  return "complete";
}

constexpr const char* storage_advice =
    "No task has failed by this: what was not finished waits. Make room on the disk, or repair what is named above; then continue with:";

/// The events of the end, results.h5, and what there is to say of it.
int conclude(store::OutputDirectory& directory, const task::StageRegistry& stages, const task::TaskGraph& graph,
             const farm::RunResult& result, const RunOptions& options, const std::string& again) {
  directory.append(store::run_ended(reason_of(result)));
  directory.sync();
  const store::ResultCounts counts = store::build_results(directory, stages, graph);
  const int code = exit_code_of_run(result, counts);
  std::cerr << fmt::format("{} done, {} failed, {} left: {}\n", counts.done, counts.failed, counts.waiting,
                           directory.results_path().string());
  if (!result.settled && !result.error) std::cerr << fmt::format("The run has ended early: {}\n", reason_of(result));
  if (!counts.complete() && !result.error) std::cerr << fmt::format("Continue with:\n  {}\n", again);
  if (counts.complete() && options.started_by.empty()) std::cerr << what_next(options, counts.failed > 0 ? again : "");
  return code;
}

/// What is left to do once the farm has ended, for whatever reason: results.h5, a summary, the command that continues. A disk that is full
/// may refuse that as well: then it is said, and the workers still end in good order.
int finish(store::OutputDirectory& directory, const task::StageRegistry& stages, const task::TaskGraph& graph,
           const farm::RunResult& result, const RunOptions& options, const std::string& again) {
  std::cerr << farm::summary(result);
  if (result.error) {
    const bool storage = exit_code_of(result.error->kind()) == exit_store;
    base::log_error("the run ended early: {}\nWhat was finished is kept in {}. {}\n  {}", result.error->what(), directory.path().string(),
                    storage ? storage_advice : "Continue with:", again);
  }
  try {
    return conclude(directory, stages, graph, result, options, again);
  } catch (const base::Error& error) {
    if (exit_code_of(error.kind()) != exit_store) throw;
    base::log_error("{}", error.what());
    if (!result.error) std::cerr << storage_advice << "\n  " << again << '\n';
    return result.error ? exit_code_of(result.error->kind()) : exit_store;
  }
}

/// --retry. The record is durable before a task runs again; the command that continues needs no --retry.
void forget_failures(const RunOptions& options, store::OutputDirectory& directory, const task::TaskGraph& graph) {
  if (options.retry.empty()) return;
  const auto keys = store::tasks_to_retry(directory, graph, store::retry_kinds_from_text(options.retry));
  base::log_info("{} failed tasks run again", keys.size());
  if (keys.empty()) return;
  directory.forget_failed(keys);
  directory.sync();
}

Ended run_master(const RunOptions& options, Master& master, const Catalogue& catalogue) {
  if (options.shard.empty())
    warn_of_lonely_tasks(master.link, "is a run by itself, and the second one in the same output directory is refused");
  if (master.link.size() > 1) master.sandbox.reset();
  const ExperimentPlan planned = load_plan(options.config, options.overrides, catalogue, shard_of(options));
  check_solvers(planned.plan.graph);
  RunOptions anywhere = options;
  anywhere.data_dir = check_data(planned.plan.graph, options);
  const int ranks = master.link.size(), workers = std::max(1, ranks - 1);
  const std::string again = continue_command(anywhere, ranks);
  // What it refuses leaves no directory.
  const farm::RunOptions farm = farm_options(planned.experiment.run, options, catalogue, master.sandbox.get());
  store::OutputDirectory directory = open_directory(options, planned, catalogue);
  for (const auto& [file, hash] : planned.experiment.files) directory.keep_file(file, hash);
  for (const std::string& note : planned.plan.notes) base::log_info("{}", note);
  directory.append(store::run_started({{"study", planned.experiment.study},
                                       {"rank_layout", fmt::format("1 master, {} workers", workers)},
                                       {"workers", std::to_string(workers)},
                                       {"command", again}}));
  directory.sync();
  forget_failures(options, directory, planned.plan.graph);

  master.workers_wait = false;
  Ended ended;
  ended.result = farm::run_master(master.link, planned.plan.graph, catalogue.stages, directory, farm);
  ended.exit_code = finish(directory, catalogue.stages_of(planned.experiment), planned.plan.graph, ended.result, options, again);
  return ended;
}

/// A check for CLI11: what `read` throws is the reason of the refusal.
std::function<std::string(const std::string&)> legal(std::function<void(const std::string&)> read) {
  return [read = std::move(read)](const std::string& text) -> std::string {
    try {
      read(text);
      return "";
    } catch (const base::Error& error) {
      return error.what();
    }
  };
}

/// Of the exception in flight: a full disk can, a directory of another configuration stays one.
bool can_be_repaired() {
  try {
    throw;
  } catch (const store::ConfigurationChanged&) {
    return false;
  } catch (...) {
    return true;
  }
}

int run(const RunOptions& options, const studies::Registry& studies) {
  std::optional<Catalogue> catalogue;
  const RankOptions ranks{.use_sandbox = !options.no_sandbox,
                          .silence_seconds = options.silence_seconds,
                          .directory = options.out,
                          .after_refusal = [](int exit_code) {
                            if (exit_code == exit_store && can_be_repaired())
                              std::cerr << "Once that is repaired, the same command continues.\n";
                          }};
  const auto make_stages = [&]() -> const task::StageRegistry& {
    return catalogue.emplace(make_catalogue(studies, environment_options(options))).stages;
  };
  return on_all_ranks(ranks, make_stages, [&](Master& master) { return run_master(options, master, *catalogue); });
}

}  // namespace

void add_run(CLI::App& program, int& exit_code, const studies::Registry& studies) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = program.add_subcommand("run", "Run an experiment, alone or under mpirun/srun; the same command again continues");
  command->add_option("CONFIG", options->config, "experiment file (YAML)")->required();
  command->add_option("--out", options->out, "output directory")->required();
  command->add_option("--set", options->overrides, "override a parameter: --set train.epochs=8 --set prune.rate=[0.5,0.9]")
      ->allow_extra_args(false);
  command->add_option("--resume", options->resume, "auto: continue what is in the output directory; never: refuse a used one")
      ->check(CLI::IsMember({"auto", "never"}))
      ->capture_default_str();
  command->add_flag("--extend", options->extend,
                    "the output directory may be of another configuration: what is finished and still asked for is kept, what is new is "
                    "added; a larger solve.time_limit runs again only the solves that met the old one");
  command->add_option("--shard", options->shard, "I/N: only the I-th of N parts of the grid; espalier merge joins their directories")
      ->check(legal([](const std::string& text) { task::shard_from_text(text); }));
  command->add_option("--history", options->history,
                      "output directory of an earlier run, whose times tell at once what takes long (a run learns its own anyway)");
  command
      ->add_option("--retry", options->retry,
                   "failed tasks run again: failed (all), or a list of crashed, timeout, memory, solver, ... (espalier status --failed)")
      ->check(legal([](const std::string& text) { store::retry_kinds_from_text(text); }));
  command->add_option("--data-dir", options->data_dir, "folder of the data sets (default: $ESPALIER_DATA, else data/)");
  command->add_flag("--save-problems", options->save_problems, "write every solve's problem file to problems/ of the output directory");
  command->add_flag("--solver-logs", options->solver_logs, "keep every solve's solver output in log/ of the output directory");
  command->add_flag("--no-sandbox", options->no_sandbox,
                    "solves run inside their rank, without limits of memory and CPU time: for debuggers");
  command->add_flag("--quiet", options->quiet, "no progress");
  command->add_option("--silence", options->silence_seconds, "seconds without a sign of life after which a rank counts as lost")
      ->check(CLI::Range(1.0, 1e6))
      ->capture_default_str();
  command
      ->add_option("--deadline", options->deadline,
                   "start nothing that cannot end by then: SECONDS from now, 2026-11-21T18:30:00 (local; with Z: UTC), or @UNIX_TIME "
                   "(default: $SLURM_JOB_END_TIME)")
      ->check(legal([started = options->started](const std::string& text) { base::unix_time_from(text, started); }));
  command->footer(
      "Examples:\n  espalier run configs/quickstart.yaml --out results/quickstart\n"
      "  mpirun -np 3 --oversubscribe espalier run configs/surrogate-tier1.yaml --out results/tier1 --set solve.time_limit=60\n"
      "  espalier run configs/quickstart.yaml --out results/quickstart --retry crashed,timeout\n"
      "  espalier run larger-grid.yaml --out results/grid --extend\n"
      "  espalier run configs/surrogate-tier1.yaml --out results/shard-2 --shard 2/8\n"
      "  espalier run configs/quickstart.yaml --out results/quickstart --deadline 3600\n"
      "Rank 0 gives out the work and sleeps in between: N + 1 ranks keep N cores busy.");
  command->callback([options, &program, &exit_code, &studies] {
    options->program = program.get_name();
    exit_code = run(*options, studies);
  });
}

}  // namespace espalier::app
