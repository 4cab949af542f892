#include <fmt/format.h>

#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/exit_codes.hpp"
#include "app/solve_child.hpp"
#include "app/surroundings.hpp"
#include "espalier/branch/tighten.hpp"
#include "espalier/embed/embed.hpp"
#include "espalier/engine/solve.hpp"
#include "espalier/sandbox/sandbox.hpp"

namespace espalier::app {

namespace {

using Json = nlohmann::ordered_json;

struct SolveOptions {
  std::string file;
  std::vector<std::string> problems;
  std::string solver = "cbc";
  std::string formulation = "lean";
  std::string bounds = "l1";
  std::string goal = "optimize";
  std::string start = "clean_input";
  std::uint64_t seed = 0;
  double time_limit = 300;
  double check_share = 0.5;
  std::int64_t node_limit = -1;
  double cpu_limit = 0;
  double memory_limit = 8192;
  double kill_grace = 0;
  std::string log_file;
  bool compress = false;
  bool json = false;
};

std::string cell(const Json& value, int digits) {
  return value.is_number() ? fmt::format("{:.{}f}", value.get<double>(), digits) : std::string("-");
}

void print_row(const Json& row) {
  fmt::print("{:<28} {:<15} {:>14} {:>14} {:>14} {:>9} {:>9} {:>10}\n", row["problem"].get<std::string>(), row["status"].get<std::string>(),
             cell(row["claimed_objective"], 6), cell(row["verified_objective"], 6), cell(row["dual_bound"], 6),
             row["nodes"].get<std::int64_t>(), cell(row["seconds"], 2), cell(row["first_adversarial_seconds"], 3));
  if (row["status"] == "error" || row["reason"] == "unconfirmed")
    fmt::print("  {}: {}\n", row["reason"].get<std::string>(), row["detail"].get<std::string>());
}

/// What a child answered, if it lived long enough; an error that it met becomes ours.
Json answer(const sandbox::Report& report) {
  Json json = Json::parse(report.result);
  if (json.contains("error")) throw base::Error(static_cast<base::ErrorKind>(json["error"].get<int>()), json["message"].get<std::string>());
  return json;
}

/// The last row that a child published before it was killed or crashed; without one, that of a solve that found nothing.
Json cut_short(const sandbox::Report& report, const std::string& name, const engine::SolveSettings& settings) {
  Json row = report.partial ? Json::parse(*report.partial) : solve_row(name, settings, {.limit = "none"});
  const bool late = report.end == sandbox::End::time || report.end == sandbox::End::cpu;
  row["status"] = late ? "limit" : "error";
  row["reason"] = late ? "hard_limit" : std::string(sandbox::to_string(report.end));
  if (late) row["limit"] = std::string(sandbox::to_string(report.end));
  row["detail"] = report.log.empty() ? report.message : fmt::format("{}; what it printed is in '{}'", report.message, report.log.string());
  row["seconds"] = report.wall_seconds;
  row["cpu_seconds"] = report.cpu_seconds;
  return row;
}

Json solve(sandbox::Sandbox& sandbox, const std::string& name, std::size_t index, const SolveOptions& options,
           const engine::SolveSettings& settings) {
  const task::ResourceLimits limits{.wall_seconds = options.time_limit,
                                    .grace_seconds = options.kill_grace,
                                    .cpu_seconds = options.cpu_limit,
                                    .memory_mib = options.memory_limit};
  const std::string log = options.log_file.empty() ? "" : fmt::format("{}.{}.out", options.log_file, index);
  const sandbox::Report report = sandbox.run(name, limits, log, {});
  if (report.end != sandbox::End::finished) return cut_short(report, name, settings);
  std::error_code ignored;
  if (!report.log.empty()) std::filesystem::remove(report.log, ignored);
  Json row = answer(report);
  row["cpu_seconds"] = report.cpu_seconds;  // an external solver's as well
  return row;
}

int run_solve(const SolveOptions& options) {
  require_descriptors();
  SolveJob job{.file = options.file,
               .names = options.problems,
               .settings = {.solver = options.solver,
                            .formulation = options.formulation,
                            .bounds = options.bounds,
                            .goal = engine::parse_goal(options.goal),
                            .start = engine::parse_start(options.start),
                            .compress = options.compress,
                            .time_limit_seconds = options.time_limit,
                            .check_share = options.check_share,
                            .node_limit = options.node_limit,
                            .memory_limit_mib = options.memory_limit,
                            .seed = options.seed,
                            .log_file = options.log_file}};
  if (options.solver == "native") job.settings.bounds = "symbolic-opt";  // what it uses; formulation and start do not matter to it
  if (!std::filesystem::exists(options.file)) base::fail(base::ErrorKind::data, "there is no problem file '{}'", options.file);
  sandbox::Sandbox sandbox(solve_work(job));
  const sandbox::Report check = sandbox.run("", {.memory_mib = options.memory_limit}, {}, {});
  if (check.end != sandbox::End::finished)
    base::fail(base::ErrorKind::data, "'{}' could not be read: the process that read it {}", options.file, check.message);
  const auto names = answer(check)["names"].get<std::vector<std::string>>();
  if (!options.json)
    fmt::print("{:<28} {:<15} {:>14} {:>14} {:>14} {:>9} {:>9} {:>10}\n", "problem", "status", "claimed", "verified", "dual bound", "nodes",
               "time [s]", "first [s]");
  int errors = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const Json row = solve(sandbox, names[i], i, options, job.settings);
    if (row["status"] == "error") ++errors;
    if (options.json)
      std::cout << row.dump() << '\n';
    else
      print_row(row);
    flush_output();
  }
  return errors == 0 ? exit_done : exit_some_failed;
}

}  // namespace

void add_solve(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<SolveOptions>();
  CLI::App* command = program.add_subcommand("solve", "Solve the problems of a file with given networks; nothing is trained");
  command->add_option("PROBLEMS", options->file, "problem file (HDF5)")->required();
  command->add_option("--problem", options->problems, "only this problem (may be repeated)")->allow_extra_args(false);
  command
      ->add_option("--solver", options->solver,
                   "cbc, external:cbc, external:glpsol or external:<command line>; native: our own branch and bound\n"
                   "over symbolic-opt bounds, no MILP; attack: no MILP, no proof")
      ->capture_default_str();
  command->add_option("--formulation", options->formulation, "MILP formulation")
      ->check(CLI::IsMember(embed::formulation_names()))
      ->capture_default_str();
  command->add_option("--bounds", options->bounds, "pre-activation bounds")
      ->check(CLI::IsMember(branch::bounds_method_names()))
      ->capture_default_str();
  command->add_flag("--compress", options->compress,
                    "exact compression: hidden neurons that the bounds prove to be off or linear over the ball leave\n"
                    "the network before it is searched; the answer stays that of the whole network");
  command->add_option("--goal", options->goal, "the maximum, or its sign only")
      ->check(CLI::IsMember({"optimize", "decide"}))
      ->capture_default_str();
  command->add_option("--start", options->start, "first incumbent given to the solver")
      ->check(CLI::IsMember({"none", "clean_input", "attack"}))
      ->capture_default_str();
  command->add_option("--seed", options->seed, "random seed of solver and attack")->capture_default_str();
  command->add_option("--time-limit", options->time_limit, "wall seconds per problem")->check(CLI::PositiveNumber)->capture_default_str();
  command
      ->add_option("--check-share", options->check_share,
                   "solvers cbc and external: share of a solve's time, or 5 s if that is more, for bounds of our own to confirm\n"
                   "that an answer is optimal or robust; else it is optimal_claimed or robust_claimed; 0: no check")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command->add_option("--cpu-limit", options->cpu_limit, "CPU seconds per problem, for machines that others use as well; 0: none")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--node-limit", options->node_limit, "branch-and-bound nodes per problem; -1: none")->capture_default_str();
  command->add_option("--memory-limit", options->memory_limit, "MiB of address space for each problem's process; 0: none")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--kill-grace", options->kill_grace, "seconds from the time limit to SIGKILL; 0: max(5, 5 % of the limit)")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--log", options->log_file, "the solver's own output goes to this file");
  command->add_flag("--json", options->json, "one JSON object per problem and line");
  command->footer(
      "Examples:\n  espalier solve problems.h5\n  espalier solve problems.h5 --problem mnist_18_2x24_0 --goal decide --json\n"
      "  espalier solve problems.h5 --bounds symbolic-opt --start attack\n"
      "  espalier solve problems.h5 --solver native --goal decide\n"
      "  espalier solve problems.h5 --bounds symbolic --compress\n"
      "  espalier solve problems.h5 --solver attack\n"
      "Every problem is read and solved in a process of its own: one that crashes is an error in its row, and the next one is solved.");
  command->callback([options, &exit_code] { exit_code = run_solve(*options); });
}

}  // namespace espalier::app
