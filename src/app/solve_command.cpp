#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/exit_codes.hpp"
#include "espalier/bounds/bounds.hpp"
#include "espalier/embed/embed.hpp"
#include "espalier/engine/solve.hpp"
#include "espalier/problem/file.hpp"

namespace espalier::app {

namespace {

struct SolveOptions {
  std::string file;
  std::vector<std::string> problems;
  std::string solver = "cbc";
  std::string formulation = "lean";
  std::string bounds = "l1";
  std::string goal = "optimize";
  double time_limit = 300;
  std::int64_t node_limit = -1;
  std::string log_file;
  bool json = false;
};

/// JSON has no NaN and no infinity: they become null.
nlohmann::ordered_json number(std::optional<double> value) {
  return value && std::isfinite(*value) ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
}

nlohmann::ordered_json to_json(const problem::Problem& problem, const SolveOptions& options, const engine::SolveResult& result) {
  return {{"problem", problem.name},
          {"solver", options.solver},
          {"formulation", options.formulation},
          {"bounds", options.bounds},
          {"goal", options.goal},
          {"status", std::string(engine::to_string(result.status))},
          {"reason", result.reason},
          {"limit", result.limit},
          {"detail", result.detail},
          {"claimed_objective", number(result.claimed_objective)},
          {"verified_objective", number(result.verified_objective)},
          {"verified_objective_float32", number(result.verified_objective_float32)},
          {"distance", number(result.distance)},
          {"dual_bound", number(result.dual_bound)},
          {"nodes", result.nodes},
          {"seconds", result.total_seconds},
          {"bounds_seconds", result.bounds_seconds},
          {"embed_seconds", result.embed_seconds},
          {"solver_seconds", result.solver_seconds},
          {"first_adversarial_seconds", number(result.first_adversarial_seconds)},
          {"columns", result.size.columns},
          {"rows", result.size.rows},
          {"binaries", result.size.binaries},
          {"unstable_neurons", result.neurons.unstable},
          {"unstable_by_layer", result.unstable_by_layer}};
}

std::string cell(std::optional<double> value, int digits) {
  return value && std::isfinite(*value) ? fmt::format("{:.{}f}", *value, digits) : std::string("-");
}

void print_row(const problem::Problem& problem, const engine::SolveResult& result) {
  fmt::print("{:<28} {:<12} {:>14} {:>14} {:>14} {:>9} {:>9} {:>10}\n", problem.name, engine::to_string(result.status),
             cell(result.claimed_objective, 6), cell(result.verified_objective, 6), cell(result.dual_bound, 6), result.nodes,
             cell(result.total_seconds, 2), cell(result.first_adversarial_seconds, 3));
  if (result.status == engine::Status::error) fmt::print("  {}: {}\n", result.reason, result.detail);
  std::fflush(stdout);
}

int run_solve(const SolveOptions& options) {
  const engine::SolveSettings settings{.solver = options.solver,
                                       .formulation = options.formulation,
                                       .bounds = options.bounds,
                                       .goal = engine::parse_goal(options.goal),
                                       .time_limit_seconds = options.time_limit,
                                       .node_limit = options.node_limit,
                                       .log_file = options.log_file};
  if (!std::filesystem::exists(options.file)) base::fail(base::ErrorKind::data, "there is no problem file '{}'", options.file);
  std::vector<std::string> names = options.problems;
  if (names.empty()) names = problem::problem_names(options.file);
  const std::vector<problem::Problem> problems = problem::read_problems(options.file, names);  // all are checked before the first is solved
  if (!options.json)
    fmt::print("{:<28} {:<12} {:>14} {:>14} {:>14} {:>9} {:>9} {:>10}\n", "problem", "status", "claimed", "verified", "dual bound", "nodes",
               "time [s]", "first [s]");
  int errors = 0;
  for (const problem::Problem& problem : problems) {
    const engine::SolveResult result = engine::solve(problem, settings);
    if (result.status == engine::Status::error) ++errors;
    if (options.json)
      std::cout << to_json(problem, options, result).dump() << std::endl;
    else
      print_row(problem, result);
  }
  return errors == 0 ? exit_done : exit_some_failed;
}

}  // namespace

void add_solve(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<SolveOptions>();
  CLI::App* command = program.add_subcommand("solve", "Solve the problems of a file with given networks; nothing is trained");
  command->add_option("PROBLEMS", options->file, "problem file (HDF5)")->required();
  command->add_option("--problem", options->problems, "only this problem (may be repeated)")->allow_extra_args(false);
  command->add_option("--solver", options->solver, "cbc, external:cbc, external:glpsol or external:<command line>")->capture_default_str();
  command->add_option("--formulation", options->formulation, "MILP formulation")
      ->check(CLI::IsMember(embed::formulation_names()))
      ->capture_default_str();
  command->add_option("--bounds", options->bounds, "pre-activation bounds")
      ->check(CLI::IsMember(bounds::bounds_method_names()))
      ->capture_default_str();
  command->add_option("--goal", options->goal, "the maximum, or its sign only")
      ->check(CLI::IsMember({"optimize", "decide"}))
      ->capture_default_str();
  command->add_option("--time-limit", options->time_limit, "wall seconds per problem")->check(CLI::PositiveNumber)->capture_default_str();
  command->add_option("--node-limit", options->node_limit, "branch-and-bound nodes per problem; -1: none")->capture_default_str();
  command->add_option("--log", options->log_file, "the solver's own output goes to this file");
  command->add_flag("--json", options->json, "one JSON object per problem and line");
  command->footer(
      "Examples:\n  espalier solve problems.h5\n  espalier solve problems.h5 --problem mnist_18_2x24_0 --goal decide --json\n"
      "  espalier solve problems.h5 --bounds symbolic-opt");
  command->callback([options, &exit_code] { exit_code = run_solve(*options); });
}

}  // namespace espalier::app
