// Solves the reference problems to the end and compares with their proven optima. One line per problem; exit code 1 if one is wrong (an
// optimum off by more than 1e-5, a verified value above it, a bound below it, an error) or, unless --unsolved allowed, not solved within
// the limit.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "espalier/engine/solve.hpp"
#include "problem/reference.hpp"

namespace {

using namespace espalier;

constexpr const char* usage =
    "usage: test_reference [--formulation F] [--bounds B] [--solver S] [--goal optimize|decide] [--time-limit SECONDS] [--log FILE] "
    "[--unsolved allowed] [--problem NAME]...\n";

struct Arguments {
  engine::SolveSettings settings{.solver = "cbc", .time_limit_seconds = 600};
  std::vector<std::string> problems;
  bool unsolved_allowed = false;
};

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; i += 2) {
    const std::string key = argv[i];
    if (i + 1 >= argc) {
      std::fputs(usage, stderr);
      std::exit(2);
    }
    const std::string value = argv[i + 1];
    if (key == "--formulation") {
      arguments.settings.formulation = value;
    } else if (key == "--bounds") {
      arguments.settings.bounds = value;
    } else if (key == "--solver") {
      arguments.settings.solver = value;
    } else if (key == "--goal") {
      arguments.settings.goal = base::parse_word(words(engine::Goal{}), "goal", value);
    } else if (key == "--time-limit") {
      arguments.settings.time_limit_seconds = std::stod(value);
    } else if (key == "--log") {
      arguments.settings.log_file = value;
    } else if (key == "--unsolved") {
      arguments.unsolved_allowed = value == "allowed";
    } else if (key == "--problem") {
      arguments.problems.push_back(value);
    } else {
      std::fputs(usage, stderr);
      std::exit(2);
    }
  }
  return arguments;
}

constexpr const char* unsolved = "not solved: ";

/// "" or what is wrong with the result.
std::string complaint(const problem::Problem& problem, const engine::SolveSettings& settings, const engine::SolveResult& result) {
  const double optimum = *problem.optimum, tolerance = 1e-5 * (1 + std::abs(optimum));
  if (result.status == engine::Status::error) return result.reason + ": " + result.detail;
  if (result.verified_objective && *result.verified_objective > optimum + tolerance) return "a verified value above the optimum";
  if (result.dual_bound < optimum - tolerance && (settings.goal == engine::Goal::optimize || optimum > 0))
    return "a bound below the optimum";
  if (result.status == engine::Status::limit) return std::string(unsolved) + result.limit;
  if (settings.goal == engine::Goal::decide) {
    const auto expected = optimum > 0 ? engine::Status::adversarial : engine::Status::robust;
    return result.status == expected ? "" : "expected " + std::string(to_string(expected));
  }
  if (result.status != engine::Status::optimal) return "status " + std::string(to_string(result.status)) + ": " + result.reason;
  const bool equal =
      std::abs(*result.claimed_objective - optimum) <= tolerance && std::abs(*result.verified_objective - optimum) <= tolerance;
  return equal ? "" : "another optimum";
}

void print(const problem::Problem& problem, const engine::SolveSettings& settings, const engine::SolveResult& r, const std::string& wrong) {
  std::printf("%-26s %-6s %-5s %-11s %13.8f %13.8f %13.8f %13.8f %8lld %9lld %4lld %8.2f %8.2f  %s\n", problem.name.c_str(),
              settings.formulation.c_str(), settings.bounds.c_str(), std::string(to_string(r.status)).c_str(), *problem.optimum,
              r.claimed_objective.value_or(NAN), r.verified_objective.value_or(NAN), r.dual_bound, static_cast<long long>(r.nodes),
              static_cast<long long>(r.iterations), static_cast<long long>(r.size.binaries), r.first_adversarial_seconds.value_or(NAN),
              r.total_seconds, wrong.c_str());
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) try {
  const Arguments arguments = parse(argc, argv);
  std::printf("%-26s %-6s %-5s %-11s %13s %13s %13s %13s %8s %9s %4s %8s %8s\n", "problem", "form", "bound", "status", "optimum", "claimed",
              "verified", "dual_bound", "nodes", "iter", "bin", "first_s", "seconds");
  int wrong = 0, open = 0;
  for (const problem::Problem& problem : problem::read_problems(espalier::testing::reference_file(), arguments.problems)) {
    const engine::SolveResult result = engine::solve(problem, arguments.settings);
    const std::string what = complaint(problem, arguments.settings, result);
    print(problem, arguments.settings, result, what);
    const bool is_open = what.starts_with(unsolved);
    open += is_open;
    wrong += !what.empty() && !is_open;
  }
  std::printf("%d wrong, %d not solved\n", wrong, open);
  return wrong > 0 || (open > 0 && !arguments.unsolved_allowed);
} catch (const std::exception& error) {
  std::fprintf(stderr, "test_reference: %s\n", error.what());
  return 2;
}
