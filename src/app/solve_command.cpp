#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <system_error>
#include <unordered_map>

#include "app/commands.hpp"
#include "app/exit_codes.hpp"
#include "app/ranks.hpp"
#include "app/schema_options.hpp"
#include "app/surroundings.hpp"
#include "espalier/base/log.hpp"
#include "espalier/base/text.hpp"
#include "espalier/engine/records.hpp"
#include "espalier/engine/solve.hpp"
#include "espalier/farm/stop.hpp"
#include "espalier/stages/stages.hpp"

namespace espalier::app {

namespace {

using Json = nlohmann::ordered_json;

struct SolveOptions {
  std::vector<std::string> files;
  std::vector<std::string> problems;
  task::Parameters settings;  ///< see solve_schema()
  task::ResourceLimits limits{.memory_mib = 8192};
  std::string log_directory;
  bool round_weights = false;
  bool json = false;
};

/// One problem of a file.
struct GivenProblem {
  std::string file;  ///< as it was given
  std::string name;  ///< as it is stored: any bytes
};

/// What a user may choose of a solve whose network is given: there is no surrogate.
task::Schema solve_schema() {
  task::Schema schema = engine::settings_record().parameters("");
  std::erase_if(schema, [](const task::Field& field) { return field.name == "on_success" || field.name == "protocol"; });
  return schema;
}

std::string cell(const Json& value, int digits) {
  return value.is_number() ? fmt::format("{:.{}f}", value.get<double>(), digits) : std::string("-");
}

void print_row(const Json& row, bool several_files) {
  const std::string name = row["problem"].get<std::string>();
  fmt::print("{:<28} {:<15} {:>14} {:>14} {:>14} {:>9} {:>9} {:>10}\n",
             base::printable(several_files ? row["file"].get<std::string>() + ":" + name : name), row["status"].get<std::string>(),
             cell(row["claimed_objective"], 6), cell(row["verified_objective"], 6), cell(row["dual_bound"], 6),
             row["nodes"].get<std::int64_t>(), cell(row["seconds"], 2), cell(row["first_adversarial_seconds"], 3));
  if (row["status"] == "error" || row["reason"] == "unconfirmed")
    fmt::print("  {}: {}\n", row["reason"].get<std::string>(), base::printable(row["detail"].get<std::string>(), true));
  if (const Json& rounding = row["weight_rounding"]; rounding.is_number() && rounding.get<double>() > 0)
    fmt::print("  weights were rounded to float32, by {:.3g} at most\n", rounding.get<double>());
}

/// JSON is UTF-8: a name that is not is written as print_row() shows it, any other text with replacement characters.
void print_json(Json row) {
  for (const char* key : {"file", "problem"})
    if (const auto text = row[key].get<std::string>(); !base::is_utf8(text)) row[key] = base::printable(text);
  std::cout << row.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
}

/// JSON has no NaN and no infinity: they become null.
struct ValueToJson {
  Json operator()(double value) const { return std::isfinite(value) ? Json(value) : Json(nullptr); }
  Json operator()(const auto& value) const { return value; }
};

/// The answer to one problem: engine::settings_record() and engine::result_record() without "solve_", null for what does not exist.
Json row_of(const GivenProblem& given, const task::TaskSpec& task, const task::Outcome& outcome) {
  Json row{{"file", given.file}, {"problem", given.name}};
  const task::Parameters nothing_found =
      engine::result_record().values({.reason = outcome.error_kind, .limit = "none", .detail = outcome.message});
  const auto add = [&row](const std::string& name, const task::Value* value) {
    row[name.starts_with("solve_") ? name.substr(6) : name] = value != nullptr ? std::visit(ValueToJson(), *value) : Json(nullptr);
  };
  for (const auto& entry : engine::settings_record().entries()) add(entry.field.name, task.parameters.find("solve_" + entry.field.name));
  const task::Parameters& values = outcome.values.size() > 0 ? outcome.values : nothing_found;
  for (const auto& entry : engine::result_record().entries()) add(entry.field.name, values.find(entry.field.name));
  if (outcome.kind == task::OutcomeKind::failed) row["detail"] = outcome.message;
  row["cpu_seconds"] = outcome.cpu_seconds;  // an external solver's as well
  add("weight_rounding", values.find("weight_rounding"));
  row["log"] = task.parameters.boolean("log") ? Json(task.key.hex()) : Json(nullptr);
  return row;
}

/// Prints rows in the order of the problems, each as soon as those before it are there.
class RowPrinter final : public farm::Ledger {
 public:
  RowPrinter(const std::vector<GivenProblem>& given, const std::vector<base::TaskId>& tasks, const task::TaskGraph& graph,
             const SolveOptions& options)
      : given_(given), tasks_(tasks), graph_(graph), options_(options), outcomes_(graph.tasks.size()) {
    for (std::size_t t = 0; t < graph.tasks.size(); ++t) index_[graph.tasks[t].spec.key] = t;
  }

  void append(const task::Outcome& outcome) override {
    outcomes_[index_.at(outcome.key)] = outcome;
    for (; next_ < given_.size() && outcomes_[tasks_[next_].value]; ++next_) print(next_);
  }
  void sync() override {}

  /// After an early end: rows whose turn has not come. Nothing if printing is what ended it.
  void print_rest() {
    for (; !lost_ && next_ < given_.size(); ++next_)
      if (outcomes_[tasks_[next_].value]) print(next_);
  }
  std::size_t printed() const { return printed_; }
  int errors() const { return errors_; }
  std::vector<dispatch::FinishedTask> finished() const {
    std::vector<dispatch::FinishedTask> tasks;
    for (const auto& outcome : outcomes_)
      if (outcome) tasks.push_back({.key = outcome->key, .kind = outcome->kind, .message = outcome->message});
    return tasks;
  }
  /// The first task without an outcome has failed with this.
  void fail_next(std::string message) {
    const auto missing = std::find_if(outcomes_.begin(), outcomes_.end(), [](const auto& outcome) { return !outcome; });
    task::Outcome outcome;
    outcome.key = graph_.tasks[static_cast<std::size_t>(missing - outcomes_.begin())].spec.key;
    outcome.kind = task::OutcomeKind::failed;
    outcome.error_kind = "crashed";
    outcome.message = std::move(message);
    append(outcome);
  }

 private:
  void print(std::size_t i) {
    const std::size_t t = tasks_[i].value;
    const Json row = row_of(given_[i], graph_.tasks[t].spec, *outcomes_[t]);
    if (row["status"] == "error") ++errors_;
    lost_ = true;
    try {
      options_.json ? print_json(row) : print_row(row, options_.files.size() > 1);
    } catch (const std::system_error& error) {  // fmt::print
      base::fail(base::ErrorKind::io, "cannot write to standard output: {}", error.code().message());
    }
    flush_output();
    lost_ = false;
    ++printed_;
  }

  const std::vector<GivenProblem>& given_;
  const std::vector<base::TaskId>& tasks_;  ///< of the problems: one that is asked for twice is one task
  const task::TaskGraph& graph_;
  const SolveOptions& options_;
  std::unordered_map<task::StageKey, std::size_t> index_;
  std::vector<std::optional<task::Outcome>> outcomes_;
  std::size_t next_ = 0;
  std::size_t printed_ = 0;
  bool lost_ = false;  ///< a row did not arrive
  int errors_ = 0;
};

task::TaskSpec spec_of(const task::Stage& stage, task::Parameters parameters) {
  const task::StageKey key = task::make_key(stage.kind(), stage.schema_version(), parameters, {});
  return {.key = key, .kind = stage.kind(), .schema_version = stage.schema_version(), .parameters = std::move(parameters), .parents = {}};
}

std::string absolute_path(const std::string& file) { return std::filesystem::absolute(file).string(); }

/// What the files hold; none if a stop was asked for meanwhile. A file that cannot be read is refused before anything is solved.
std::optional<std::vector<GivenProblem>> list(const Master& master, const SolveOptions& options) {
  std::vector<GivenProblem> all;
  for (const std::string& file : options.files) {
    const task::TaskSpec spec = spec_of(master.stages.find("list_problems"), {{"file", absolute_path(file)}});
    const auto outcome = farm::run_attempt({.spec = spec, .limits = options.limits}, master.stages, *master.sandbox);
    if (!outcome) return std::nullopt;
    if (outcome->kind == task::OutcomeKind::failed) {
      const bool told = outcome->error_kind == "data" || outcome->error_kind == "io";
      base::fail(base::ErrorKind::data, "{}{}", told ? "" : fmt::format("'{}' could not be read: the process that read it ", file),
                 outcome->message);
    }
    const std::string& names = outcome->values.text("names");
    for (std::size_t begin = 0; begin <= names.size();) {
      const std::size_t end = std::min(names.find('/', begin), names.size());
      all.push_back({.file = file, .name = names.substr(begin, end - begin)});
      begin = end + 1;
    }
  }
  return all;
}

/// Those called `names`, stored or printed, in that order. Each must be there.
std::vector<GivenProblem> choose(const std::vector<GivenProblem>& all, const std::vector<std::string>& names) {
  if (names.empty()) return all;
  std::vector<GivenProblem> chosen;
  for (const std::string& name : names) {
    const std::size_t before = chosen.size();
    for (const GivenProblem& given : all)
      if (given.name == name || base::printable(given.name) == name) chosen.push_back(given);
    if (chosen.size() > before) continue;
    std::vector<std::string> present;
    for (const GivenProblem& given : all) present.push_back(given.name);
    base::fail(base::ErrorKind::configuration, "--problem: expected the name of a problem, found '{}'{}; there are {}: {}{}", name,
               base::did_you_mean(name, present), present.size(),
               fmt::join(present.begin(), present.begin() + std::min<long>(20, std::ssize(present)), ", "),
               present.size() > 20 ? ", ..." : "");
  }
  return chosen;
}

/// One task for each problem.
struct SolvePlan {
  task::TaskGraph graph;
  std::vector<base::TaskId> tasks;  ///< by problem
};

SolvePlan plan(const task::Stage& stage, const std::vector<GivenProblem>& given, const SolveOptions& options) {
  SolvePlan plan;
  std::unordered_map<task::StageKey, base::TaskId> known;
  task::Parameters common{{"round_weights", options.round_weights}, {"log", !options.log_directory.empty()}};
  for (const auto& [name, value] : options.settings.map()) common.set("solve_" + name, value);
  for (const GivenProblem& problem : given) {
    task::Parameters parameters = common;
    parameters.set("file", absolute_path(problem.file));
    parameters.set("problem", problem.name);
    task::TaskSpec spec = spec_of(stage, std::move(parameters));
    const auto [it, is_new] = known.emplace(spec.key, base::TaskId{static_cast<std::uint32_t>(plan.graph.tasks.size())});
    plan.tasks.push_back(it->second);
    if (is_new) plan.graph.tasks.push_back({.spec = std::move(spec), .parents = {}});
  }
  return plan;
}

/// A run alone has one worker: when its sandbox's server is lost, a new one goes on with what is left, as another rank would. A problem
/// that costs so many servers one after the other has failed.
farm::RunResult run_plan(const SolvePlan& planned, const SolveOptions& options, Master& master, RowPrinter& printer) {
  constexpr int most_servers = 3;
  for (int servers = 1;; ++servers) {
    const std::vector<dispatch::FinishedTask> finished = printer.finished();
    farm::RunResult result =
        farm::run_master(master.link, planned.graph, master.stages, options.log_directory, finished, printer,
                         {.progress = farm::ProgressStyle::none, .limits = options.limits, .sandbox = master.sandbox.get()});
    const bool server_lost = master.sandbox && !result.settled && !result.left_behind && !result.error && !farm::stop_requested();
    if (!server_lost) return result;
    if (printer.finished().size() > finished.size()) servers = 1;
    if (servers == most_servers) {
      printer.fail_next(fmt::format("it took the sandbox's server with it, {} times", most_servers));
      servers = 0;
    }
    master.sandbox = std::make_unique<sandbox::Sandbox>(farm::stage_work(master.stages));
  }
}

int exit_code_of_solves(const farm::RunResult& result, int errors) {
  if (result.error) return exit_code_of(result.error->kind());
  if (!result.settled) return exit_stopped;
  return errors == 0 ? exit_done : exit_some_failed;
}

Ended solve(const SolveOptions& options, Master& master) {
  std::signal(SIGPIPE, SIG_DFL);  // farm::StopSignals ignores it, for runs; when nobody reads the rows, nobody wants them
  warn_of_lonely_tasks(master.link, "solves its problems by itself");
  const auto all = list(master, options);
  if (!all) {
    std::cerr << "Stopped early: the problem files were still being read.\n";
    return {.exit_code = exit_stopped};
  }
  const std::vector<GivenProblem> given = choose(*all, options.problems);
  if (master.link.size() > 1) master.sandbox.reset();
  const SolvePlan planned = plan(master.stages.find("solve_problem"), given, options);
  if (!options.json)
    fmt::print("{:<28} {:<15} {:>14} {:>14} {:>14} {:>9} {:>9} {:>10}\n", "problem", "status", "claimed", "verified", "dual bound", "nodes",
               "time [s]", "first [s]");
  flush_output();
  RowPrinter printer(given, planned.tasks, planned.graph, options);
  master.workers_wait = false;
  Ended ended;
  ended.result = run_plan(planned, options, master, printer);
  if (ended.result.error) base::log_error("{}", ended.result.error->what());
  if (!ended.result.settled) {
    printer.print_rest();
    std::cerr << fmt::format("Stopped early: {} of {} problems are answered.\n", printer.printed(), given.size());
  }
  ended.exit_code = exit_code_of_solves(ended.result, printer.errors());
  return ended;
}

int run_solve(const SolveOptions& options) {
  std::optional<task::StageRegistry> stages;
  const auto make_stages = [&]() -> const task::StageRegistry& {
    const engine::SolveSettings settings = engine::settings_record().from(options.settings, "");
    engine::check_settings(settings);
    engine::require_program(settings);
    return stages.emplace(stages::make_problem_file_stages());
  };
  return on_all_ranks({.directory = options.log_directory}, make_stages, [&](Master& master) { return solve(options, master); });
}

void add_limits(CLI::App& command, SolveOptions& options) {
  command.add_option("--cpu-limit", options.limits.cpu_seconds, "CPU seconds per problem, for machines that others use as well; 0: none")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command.add_option("--memory-limit", options.limits.memory_mib, "MiB of address space for each problem's process; 0: none")
      ->check(CLI::Range(0.0, task::ResourceLimits::largest_memory_mib))
      ->capture_default_str();
  command.add_option("--kill-grace", options.limits.grace_seconds, "seconds from the time limit to SIGKILL; 0: max(5, 5 % of the limit)")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
}

}  // namespace

void add_solve(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<SolveOptions>();
  CLI::App* command =
      program.add_subcommand("solve", "Solve the problems of files with given networks, alone or under mpirun; nothing is trained");
  command->add_option("PROBLEMS", options->files, "problem files (HDF5)")->required();
  command->add_option("--problem", options->problems, "only this problem (may be repeated)")->allow_extra_args(false);
  add_options(*command, solve_schema(), options->settings);
  add_limits(*command, *options);
  command->add_option(
      "--log-dir", options->log_directory,
      "folder: its log/ gets the solver's own output, a file for each problem (column log), and what crashed solves have printed");
  command->add_flag("--round-weights", options->round_weights,
                    "weights that float32 does not hold exactly are rounded to it, and the largest change is told;\n"
                    "without it such a problem is an error");
  command->add_flag("--json", options->json, "one JSON object per problem and line");
  command->footer(
      "Examples:\n  espalier solve problems.h5\n  espalier solve problems.h5 --problem mnist_18_2x24_0 --goal decide --json\n"
      "  espalier solve results/dense/problems/*.h5 --time-limit 60\n"
      "  espalier solve problems.h5 --solver cbc --bounds alpha-crown --start attack\n"
      "  espalier solve problems.h5 --solver cbc --bounds crown --compress\n"
      "  espalier solve problems.h5 --solver attack\n"
      "  mpirun -np 5 --oversubscribe espalier solve results/dense/problems/*.h5 --json\n"
      "Problems are read and solved in processes beside the program: one that is malformed or crashes is an error in its row, and the\n"
      "others are solved; the exit code is then 1. Nothing is written but to --log-dir.");
  command->callback([options, command, &exit_code] {
    keep_what_exists(*command, solve_schema(), options->settings);
    exit_code = run_solve(*options);
  });
}

}  // namespace espalier::app
