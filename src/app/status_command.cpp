#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/exit_codes.hpp"
#include "app/experiment_plan.hpp"
#include "app/failed_tasks.hpp"
#include "app/source.hpp"
#include "espalier/base/clock.hpp"
#include "espalier/base/file.hpp"
#include "espalier/store/output_directory.hpp"

namespace espalier::app {

namespace {

struct KindStatus {
  std::string kind;
  std::size_t total = 0;
  std::size_t done = 0;
  std::size_t failed = 0;
  std::size_t waiting() const { return total - done - failed; }
};

struct Status {
  std::string directory;
  std::string name;
  bool running = false;  ///< a run holds the lock
  int workers = 1;       ///< of the latest run
  std::string started;   ///< of the latest run
  std::string last_event;
  std::string end;             ///< why the latest run has ended
  std::string command;         ///< that continues it
  double done_per_minute = 0;  ///< over the latest run
  double eta_seconds = 0;
  std::string damage;            ///< of the journal
  bool results_current = false;  ///< results.h5 is what the latest run wrote at its end
  std::vector<KindStatus> kinds;
  std::map<std::string, std::size_t> failures;  ///< kind and reason -> how many
  std::vector<FailedTask> failed_tasks;

  bool finished() const { return settled() && results_current; }
  bool settled() const {
    return std::all_of(kinds.begin(), kinds.end(), [](const KindStatus& k) { return k.waiting() == 0; });
  }
};

void count_tasks(const task::TaskGraph& graph, const store::OutputDirectory& directory, Status& status) {
  for (const task::PlannedTask& planned : graph.tasks) {
    auto kind = std::find_if(status.kinds.begin(), status.kinds.end(), [&](const KindStatus& k) { return k.kind == planned.spec.kind; });
    if (kind == status.kinds.end()) kind = status.kinds.insert(kind, {.kind = planned.spec.kind});
    ++kind->total;
    const auto finished = directory.finished().find(planned.spec.key);
    if (finished == directory.finished().end()) continue;
    if (finished->second.kind == task::OutcomeKind::failed) {
      ++kind->failed;
      ++status.failures[fmt::format("{}: {}: {}", planned.spec.kind, finished->second.error_kind(), finished->second.message())];
    } else {
      ++kind->done;
    }
  }
}

/// What is left, as expected by what is finished.
double remaining_seconds(const task::TaskGraph& graph, const store::OutputDirectory& directory, int workers) {
  const task::CostModel costs = learn_costs(directory, graph);
  double total = 0, longest = 0;
  const auto left = [&](base::TaskId id) {
    const task::PlannedTask& planned = graph.tasks[id.value];
    if (directory.finished().contains(planned.spec.key)) return 0.0;
    const double seconds = costs.estimate(planned);
    total += seconds;
    return seconds;
  };
  for (const double path : task::critical_paths(graph, left)) longest = std::max(longest, path);
  return task::makespan(total, longest, static_cast<std::size_t>(std::max(1, workers)));
}

void read_events(const store::OutputDirectory& directory, Status& status) {
  double started = 0;
  double ended = 0;
  for (const store::Event& event : directory.events()) {
    status.last_event = fmt::format("{} {}", base::iso_time(event.time), event.name);
    if (const auto reason = event.facts.find("reason"); reason != event.facts.end()) status.last_event += ": " + reason->second;
    if (event.name == "run ended") {
      ended = event.time;
      status.end = event.facts.contains("reason") ? event.facts.at("reason") : "";
    }
    if (event.name != "run started") continue;
    started = event.time;
    status.end = "it was killed";
    const auto command = event.facts.find("command");
    status.command = command == event.facts.end() ? "" : command->second;  // merged directories have none
    if (const auto workers = event.facts.find("workers"); workers != event.facts.end()) status.workers = std::stoi(workers->second);
  }
  status.started = base::iso_time(started);
  std::size_t done = 0;
  for (const auto& [key, task] : directory.finished())
    if (task.started >= started) ++done;
  const double until = !status.running && ended > started ? ended : base::unix_time();
  if (until > started) status.done_per_minute = 60.0 * static_cast<double>(done) / (until - started);
}

/// Everything may be recorded and the run be killed before it wrote results.h5, or between the two steps of that.
bool results_are_current(const store::OutputDirectory& directory) {
  std::optional<std::string> written;  // checksum
  for (const store::Event& event : directory.events()) {
    if (event.name == "run started") written.reset();
    if (event.name == "results written") written = event.facts.at("checksum");
  }
  std::error_code none;
  return written && std::filesystem::exists(directory.results_path(), none) &&
         fmt::format("{:016x}", base::stamp_file(directory.results_path()).checksum) == *written;
}

Status read_status(const std::filesystem::path& path, bool with_failed_tasks, const studies::Registry& studies) {
  const store::OutputDirectory directory = store::OutputDirectory::inspect(path);
  const ExperimentPlan planned = parse_plan(directory, make_catalogue(studies));
  Status status{.directory = path.string(),
                .name = planned.plan.name,
                .running = directory.running(),
                .damage = store::describe_damage(directory.replay())};
  count_tasks(planned.plan.graph, directory, status);
  if (with_failed_tasks) status.failed_tasks = find_failed_tasks(directory, planned.plan.graph);
  read_events(directory, status);
  if (status.settled()) status.results_current = results_are_current(directory);
  status.eta_seconds = remaining_seconds(planned.plan.graph, directory, status.workers);
  return status;
}

std::string duration(double seconds) {
  const auto whole = std::llround(seconds);
  if (whole < 120) return fmt::format("{} s", whole);
  if (whole < 7200) return fmt::format("{} min", whole / 60);
  return fmt::format("{:.1f} h", static_cast<double>(whole) / 3600);
}

void print_text(const Status& status) {
  fmt::print("{} in {}: {}\n", status.name, status.directory,
             status.running      ? std::string("running")
             : status.finished() ? std::string("finished")
                                 : "not running, not finished: " + status.end);
  fmt::print("latest run started {}, {} worker{}; last event: {}\n\n", status.started, status.workers, status.workers == 1 ? "" : "s",
             status.last_event.empty() ? "none" : status.last_event);
  fmt::print("{:<14} {:>9} {:>9} {:>9} {:>9}\n", "stage", "total", "done", "failed", "left");
  for (const KindStatus& k : status.kinds) fmt::print("{:<14} {:>9} {:>9} {:>9} {:>9}\n", k.kind, k.total, k.done, k.failed, k.waiting());
  fmt::print("\n{:.1f} tasks per minute in the latest run", status.done_per_minute);
  if (!status.settled())
    fmt::print("; about {} left with {} worker{}", duration(status.eta_seconds), status.workers, status.workers == 1 ? "" : "s");
  fmt::print("\n");
  if (!status.damage.empty()) fmt::print("journal: {} (at its end: a run is writing, or was killed)\n", status.damage);
  if (!status.failures.empty()) fmt::print("\nfailures\n");
  for (const auto& [reason, count] : status.failures) fmt::print("{:>9} x {}\n", count, reason);
  if (!status.running && !status.command.empty() && !status.finished()) fmt::print("\nContinue with:\n  {}\n", status.command);
  if (!status.running && !status.command.empty() && status.finished() && !status.failures.empty())
    fmt::print("\nThe failed tasks run again with:\n  {} --retry failed\n", status.command);
}

void print_json(const Status& status, bool with_failed_tasks) {
  nlohmann::ordered_json json{{"name", status.name},
                              {"running", status.running},
                              {"settled", status.settled()},
                              {"workers", status.workers},
                              {"started", status.started},
                              {"last_event", status.last_event},
                              {"command", status.command},
                              {"done_per_minute", status.done_per_minute},
                              {"eta_seconds", status.eta_seconds},
                              {"stages", nlohmann::ordered_json::array()},
                              {"failures", nlohmann::ordered_json::array()}};
  for (const KindStatus& k : status.kinds)
    json["stages"].push_back({{"kind", k.kind}, {"total", k.total}, {"done", k.done}, {"failed", k.failed}, {"left", k.waiting()}});
  for (const auto& [reason, count] : status.failures) json["failures"].push_back({{"reason", reason}, {"count", count}});
  if (with_failed_tasks) json["failed_tasks"] = to_json(status.failed_tasks);
  std::cout << json.dump() << '\n';
}

int exit_code_of_status(const Status& status) {
  if (!status.finished()) return exit_stopped;
  return status.failures.empty() ? exit_done : exit_some_failed;
}

}  // namespace

void add_status(CLI::App& program, int& exit_code, const studies::Registry& studies) {
  struct Options {
    std::string directory;
    bool json = false;
    bool failed = false;
    bool use_exit_code = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = program.add_subcommand("status", "Progress and failures of an output directory, while a run writes it or after");
  command->add_option("DIR", options->directory, "output directory")->required();
  command->add_flag("--json", options->json, "one JSON object");
  command->add_flag("--failed", options->failed, "the failed tasks: reason, parameters that vary over the grid, log files");
  command->add_flag("--exit-code", options->use_exit_code,
                    "exit 0 if all is done, 1 if some tasks failed, 75 if work is left, 3 if DIR cannot be read");
  command->footer("Examples:\n  espalier status results/quickstart\n  espalier status results/quickstart --failed");
  command->callback([options, &exit_code, &studies] {
    const Status status = read_status(find_run(options->directory), options->failed, studies);
    if (options->json)
      print_json(status, options->failed);
    else if (options->failed)
      std::cout << to_text(status.failed_tasks);
    else
      print_text(status);
    if (options->use_exit_code) exit_code = exit_code_of_status(status);
  });
}

}  // namespace espalier::app
