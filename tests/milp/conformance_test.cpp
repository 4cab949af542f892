// What every solver must do: each test runs on every back end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "espalier/base/error.hpp"
#include "espalier/milp/solver.hpp"
#include "milp/models.hpp"

namespace espalier::milp {
namespace {

using ::testing::HasSubstr;

class Conformance : public ::testing::TestWithParam<std::string> {
 protected:
  std::unique_ptr<Solver> solver = make_solver(GetParam());

  /// Solves and checks what holds for every optimum: the claim is consistent with the point and the bound.
  Result solve_optimally(const Model& model, double expected, const SolveOptions& options = {}) {
    const Result result = solver->solve(model, options);
    EXPECT_EQ(to_string(result.termination.reason), "optimal") << result.termination.detail;
    EXPECT_EQ(result.termination.limit, Limit::none);
    if (!result.incumbent) {
      ADD_FAILURE() << "no point";
      return result;
    }
    EXPECT_NEAR(result.incumbent->objective, expected, 1e-6);
    EXPECT_NEAR(result.dual_bound, expected, 1e-6);
    EXPECT_LE(model.violation(result.incumbent->x), 1e-6);
    EXPECT_DOUBLE_EQ(model.objective_value(result.incumbent->x), result.incumbent->objective);
    EXPECT_GE(result.seconds, result.incumbent->seconds);
    return result;
  }

  void expect_infeasible(const Model& model) {
    const Result result = solver->solve(model, {});
    EXPECT_EQ(to_string(result.termination.reason), "infeasible") << result.termination.detail;
    EXPECT_FALSE(result.incumbent);
    EXPECT_EQ(result.dual_bound, model.sense() == Sense::maximise ? -infinity : infinity);
  }

  void expect_unbounded(const Model& model) {
    const Result result = solver->solve(model, {});
    EXPECT_EQ(to_string(result.termination.reason), "unbounded") << result.termination.detail;
    EXPECT_EQ(result.dual_bound, model.sense() == Sense::maximise ? infinity : -infinity);
  }
};

TEST_P(Conformance, LinearProgram) {
  // maximise 3 x + 2 y with x + y <= 4, x + 3 y <= 6, x <= 3: the optimum is (3, 1).
  Model model;
  const Column x = model.add_column({.lower = 0, .upper = 3});
  const Column y = model.add_column({.lower = 0});
  model.add_row({.upper = 4, .terms = {{x, 1}, {y, 1}}});
  model.add_row({.upper = 6, .terms = {{x, 1}, {y, 3}}});
  model.set_objective(Sense::maximise, {{x, 3}, {y, 2}});
  const Result result = solve_optimally(model, 11);
  EXPECT_NEAR(result.incumbent->x[0], 3, 1e-6);
  EXPECT_NEAR(result.incumbent->x[1], 1, 1e-6);
}

TEST_P(Conformance, Knapsack) { solve_optimally(testing::knapsack({3, 4, 5, 9, 14}, {3, 4, 4, 10, 15}, 20), 19); }

TEST_P(Conformance, EqualityRowsFreeAndNegativeColumns) {
  // minimise |x| with x = 3 u - 7, u integer in [-5, 5]: u = 2, x = -1.
  Model model;
  const Column x = model.add_column({.lower = -infinity, .upper = infinity});
  const Column u = model.add_column({.lower = -5, .upper = 5, .integer = true});
  const Column size = model.add_column({.lower = -infinity, .upper = infinity});
  model.add_row({.lower = -7, .upper = -7, .terms = {{x, 1}, {u, -3}}});
  model.add_row({.lower = 0, .terms = {{size, 1}, {x, -1}}});
  model.add_row({.lower = 0, .terms = {{size, 1}, {x, 1}}});
  model.set_objective(Sense::minimise, {{size, 1}});
  const Result result = solve_optimally(model, 1);
  EXPECT_NEAR(result.incumbent->x[0], -1, 1e-6);
  EXPECT_NEAR(result.incumbent->x[1], 2, 1e-6);
}

TEST_P(Conformance, NegativeBoundsAndUpperBoundOnly) {
  Model model;
  const Column a = model.add_column({.lower = -8, .upper = -2.5, .integer = true});
  const Column b = model.add_column({.lower = -infinity, .upper = -1.25});
  model.add_row({.lower = -20, .terms = {{a, 1}, {b, 2}}});
  model.set_objective(Sense::maximise, {{a, 2}, {b, 1}});
  solve_optimally(model, 2 * -3 - 1.25);
}

TEST_P(Conformance, ConstantIsPartOfEveryValue) {
  for (const Sense sense : {Sense::minimise, Sense::maximise}) {
    Model model;
    const Column n = model.add_column({.lower = -3, .upper = 4, .integer = true});
    model.add_row({.lower = -2.5, .upper = 3.5, .terms = {{n, 1}}});
    model.set_objective(sense, {{n, 2}}, 100.5);
    solve_optimally(model, sense == Sense::maximise ? 106.5 : 96.5);
  }
}

TEST_P(Conformance, RangedRow) {
  Model model;
  const Column x = model.add_column({.lower = 0, .upper = 10});
  const Column n = model.add_column({.lower = 0, .upper = 10, .integer = true});
  model.add_row({.lower = 2.5, .upper = 4.5, .terms = {{x, 1}, {n, 1}}});
  model.set_objective(Sense::minimise, {{x, 3}, {n, 1}});
  solve_optimally(model, 3);
  model.set_objective(Sense::maximise, {{x, 1}, {n, 2}});
  solve_optimally(model, 8.5);
}

TEST_P(Conformance, DegenerateAssignment) {
  // Every permutation of 5 costs the same but one: degenerate vertices and a tie-free optimum.
  Model model;
  std::vector<Term> cost;
  std::vector<RowData> rows(10, RowData{.lower = 1, .upper = 1});
  for (int i = 0; i < 5; ++i)
    for (int j = 0; j < 5; ++j) {
      const Column x = model.add_binary("x");
      rows[static_cast<std::size_t>(i)].terms.push_back({x, 1});
      rows[static_cast<std::size_t>(5 + j)].terms.push_back({x, 1});
      cost.push_back({x, i == 4 - j ? 0.9 : 1.0});
    }
  for (const RowData& row : rows) model.add_row(row);
  model.set_objective(Sense::minimise, cost);
  solve_optimally(model, 4.5);
}

TEST_P(Conformance, NoRows) {
  Model model;
  const Column n = model.add_column({.lower = -1.5, .upper = 2.5, .integer = true});
  const Column x = model.add_column({.lower = -1, .upper = 1});
  model.set_objective(Sense::maximise, {{n, 1}, {x, -1}});
  solve_optimally(model, 3);
}

TEST_P(Conformance, EmptyObjective) {
  Model model;
  const Column n = model.add_column({.lower = 0, .upper = 9, .integer = true});
  const Column m = model.add_column({.lower = 0, .upper = 9, .integer = true});
  model.add_row({.lower = 31, .upper = 31, .terms = {{n, 3}, {m, 5}}});
  model.set_objective(Sense::maximise, {}, 7);
  solve_optimally(model, 7);
}

TEST_P(Conformance, EmptyAndUnusedAndFixedColumns) {
  Model model;
  const Column fixed = model.add_column({.lower = 2, .upper = 2, .integer = true});
  model.add_column({.lower = -1, .upper = 5});
  const Column n = model.add_column({.lower = 0, .upper = 9, .integer = true});
  model.add_row({.upper = 7.5, .terms = {{n, 1}, {fixed, 1}}});
  model.add_row({.lower = -1, .upper = 1});
  model.add_row({.terms = {{n, 1}}});
  model.set_objective(Sense::maximise, {{n, 1}, {fixed, 10}});
  solve_optimally(model, 25);
}

TEST_P(Conformance, NoColumns) {
  Model model;
  model.add_row({.lower = -1, .upper = 1});
  model.set_objective(Sense::minimise, {}, 3);
  solve_optimally(model, 3);
  model.add_row({.lower = 1, .upper = 2});
  expect_infeasible(model);
}

TEST_P(Conformance, InfeasibleLinearProgram) {
  Model model;
  const Column x = model.add_column({.lower = 0, .upper = 3});
  const Column y = model.add_column({.lower = 0});
  model.add_row({.lower = 5, .terms = {{x, 1}, {y, -1}}});
  model.set_objective(Sense::maximise, {{x, 1}});
  expect_infeasible(model);
}

TEST_P(Conformance, InfeasibleIntegerProgramWithFeasibleRelaxation) {
  Model model;
  const Column n = model.add_column({.lower = 0, .upper = 9, .integer = true});
  const Column m = model.add_column({.lower = 0, .upper = 9, .integer = true});
  model.add_row({.lower = 7, .upper = 7, .terms = {{n, 2}, {m, 4}}});
  for (const Sense sense : {Sense::minimise, Sense::maximise}) {
    model.set_objective(sense, {{n, 1}, {m, 1}});
    expect_infeasible(model);
  }
}

TEST_P(Conformance, InfeasibleRowWithoutTerms) {
  Model model;
  model.add_column({.lower = 0, .upper = 1, .integer = true});
  model.add_row({.lower = 1, .upper = 2});
  expect_infeasible(model);
}

TEST_P(Conformance, Unbounded) {
  Model model;
  const Column x = model.add_column({.lower = 0});
  const Column y = model.add_column({.lower = 0});
  model.add_row({.upper = 3, .terms = {{x, 1}, {y, -1}}});
  model.set_objective(Sense::maximise, {{x, 1}, {y, 1}});
  expect_unbounded(model);
  model.set_objective(Sense::minimise, {{x, -1}, {y, -1}});
  expect_unbounded(model);
}

TEST_P(Conformance, UnboundedInteger) {
  Model model;
  const Column n = model.add_column({.lower = 0, .integer = true});
  const Column x = model.add_column({.lower = 0});
  model.add_row({.upper = 2.5, .terms = {{n, 1}, {x, -1}}});
  model.set_objective(Sense::maximise, {{n, 1}});
  expect_unbounded(model);
}

TEST_P(Conformance, IncumbentsImproveStrictlyAndTheLastIsTheResult) {
  const Model model = testing::hard_knapsack(30, 5, 1);
  std::vector<Incumbent> seen;
  SolveOptions options{.on_incumbent = [&](const Incumbent& incumbent) {
    EXPECT_LE(model.violation(incumbent.x), 1e-6);
    EXPECT_DOUBLE_EQ(model.objective_value(incumbent.x), incumbent.objective);
    seen.push_back(incumbent);
    return CallbackAction::proceed;
  }};
  const Result result = solver->solve(model, options);
  ASSERT_EQ(to_string(result.termination.reason), "optimal") << result.termination.detail;
  ASSERT_FALSE(seen.empty());
  for (std::size_t i = 1; i < seen.size(); ++i) {
    EXPECT_GT(seen[i].objective, seen[i - 1].objective);
    EXPECT_GE(seen[i].seconds, seen[i - 1].seconds);
  }
  EXPECT_EQ(seen.back().objective, result.incumbent->objective);
  EXPECT_EQ(seen.back().x, result.incumbent->x);
}

TEST_P(Conformance, StopFromTheCallback) {
  const Model model = testing::hard_knapsack(30, 5, 2);
  int calls = 0;
  SolveOptions options{.on_incumbent = [&](const Incumbent&) {
    ++calls;
    return CallbackAction::stop;
  }};
  const Result result = solver->solve(model, options);
  EXPECT_EQ(to_string(result.termination.reason), "stopped") << result.termination.detail;
  EXPECT_EQ(calls, 1);
  ASSERT_TRUE(result.incumbent);
  EXPECT_LE(model.violation(result.incumbent->x), 1e-6);
}

TEST_P(Conformance, AThrowingCallbackEndsTheSolveAsAnError) {
  int calls = 0;
  SolveOptions options{.on_incumbent = [&](const Incumbent&) -> CallbackAction {
    ++calls;
    throw std::runtime_error("no space left for incumbents");
  }};
  const Result result = solver->solve(testing::hard_knapsack(30, 5, 3), options);
  EXPECT_EQ(to_string(result.termination.reason), "error");
  EXPECT_THAT(result.termination.detail, HasSubstr("no space left for incumbents"));
  EXPECT_EQ(calls, 1);
}

TEST_P(Conformance, StopRequest) {
  SolveOptions options{.time_limit = 100, .stop_requested = [] { return true; }};
  const Result result = solver->solve(testing::market_split(4, 30, 3), options);
  EXPECT_EQ(to_string(result.termination.reason), "stopped") << result.termination.detail;
  EXPECT_LT(result.seconds, 10);
  options.stop_requested = []() -> bool { throw std::runtime_error("clock broken"); };
  const Result broken = solver->solve(testing::market_split(4, 30, 3), options);
  EXPECT_EQ(to_string(broken.termination.reason), "error");
  EXPECT_THAT(broken.termination.detail, HasSubstr("clock broken"));
}

TEST_P(Conformance, CutoffAsksForStrictlyBetterPoints) {
  const Model model = testing::knapsack({3, 4, 5, 9, 14}, {3, 4, 4, 10, 15}, 20);
  const double optimum = *testing::enumerate(model);
  solve_optimally(model, optimum, {.cutoff = optimum - 0.5});
  for (const double cutoff : {optimum + 0.5, optimum}) {
    const Result result = solver->solve(model, {.cutoff = cutoff});
    EXPECT_EQ(to_string(result.termination.reason), "limit") << result.termination.detail;
    EXPECT_EQ(to_string(result.termination.limit), "cutoff");
    EXPECT_FALSE(result.incumbent);
    EXPECT_EQ(result.dual_bound, cutoff);
  }
}

TEST_P(Conformance, CutoffWhenMinimising) {
  Model model;
  const Column n = model.add_column({.lower = -3, .upper = 4, .integer = true});
  model.add_row({.lower = -2.5, .terms = {{n, 1}}});
  model.set_objective(Sense::minimise, {{n, 1}}, 10);
  solve_optimally(model, 8, {.cutoff = 8.5});
  const Result result = solver->solve(model, {.cutoff = 7.5});
  EXPECT_EQ(to_string(result.termination.limit), "cutoff") << result.termination.detail;
  EXPECT_EQ(result.dual_bound, 7.5);
}

TEST_P(Conformance, TheStartIsTheFirstIncumbent) {
  const Model model = testing::hard_knapsack(30, 5, 4);
  std::vector<double> start(30, 0.0);
  start[3] = 1;
  std::vector<double> objectives;
  SolveOptions options{.start = start, .on_incumbent = [&](const Incumbent& incumbent) {
                         objectives.push_back(incumbent.objective);
                         return CallbackAction::proceed;
                       }};
  const Result result = solver->solve(model, options);
  ASSERT_EQ(to_string(result.termination.reason), "optimal") << result.termination.detail;
  ASSERT_GE(objectives.size(), 2U);
  EXPECT_EQ(objectives.front(), model.objective_value(start));
  const Result without = solver->solve(model, {});
  EXPECT_NEAR(result.incumbent->objective, without.incumbent->objective, 1e-6);
  EXPECT_NEAR(result.dual_bound, without.dual_bound, 1e-6);
}

TEST_P(Conformance, AnOptimalStartIsProven) {
  const Model model = testing::hard_knapsack(30, 5, 5);
  const Result first = solver->solve(model, {});
  int calls = 0;
  SolveOptions options{.start = first.incumbent->x, .on_incumbent = [&](const Incumbent&) {
                         ++calls;
                         return CallbackAction::proceed;
                       }};
  solve_optimally(model, first.incumbent->objective, options);
  EXPECT_EQ(calls, 1);
}

TEST_P(Conformance, AnInvalidStartIsRefused) {
  const Model model = testing::knapsack({3, 4}, {3, 4}, 5);
  for (const std::vector<double>& start : {std::vector<double>{1, 1}, {0.5, 0}, {2, 0}, {1}, {std::nan(""), 0}}) {
    try {
      solver->solve(model, {.start = start});
      ADD_FAILURE() << "accepted";
    } catch (const base::Error& e) {
      EXPECT_THAT(e.what(), HasSubstr("start: "));
    }
  }
}

TEST_P(Conformance, AStartThatIsNotBetterThanTheCutoffIsIgnored) {
  const Model model = testing::knapsack({3, 4}, {3, 4}, 5);
  const Result result = solver->solve(model, {.cutoff = 3.5, .start = {1, 0}});
  ASSERT_TRUE(result.incumbent) << result.termination.detail;
  EXPECT_EQ(result.incumbent->x, (std::vector<double>{0, 1}));
  const Result none = solver->solve(model, {.time_limit = 0, .cutoff = 3.5, .start = {1, 0}});
  EXPECT_FALSE(none.incumbent);
}

TEST_P(Conformance, TimeLimitZeroLooksAtTheStartOnly) {
  const Model model = testing::knapsack({3, 4}, {3, 4}, 5);
  const Result nothing = solver->solve(model, {.time_limit = 0});
  EXPECT_EQ(to_string(nothing.termination.reason), "limit");
  EXPECT_EQ(to_string(nothing.termination.limit), "time");
  EXPECT_FALSE(nothing.incumbent);
  EXPECT_EQ(nothing.dual_bound, infinity);
  int calls = 0;
  SolveOptions options{.time_limit = 0, .start = {1, 0}, .on_incumbent = [&](const Incumbent&) {
                         ++calls;
                         return CallbackAction::proceed;
                       }};
  const Result start = solver->solve(model, options);
  EXPECT_EQ(to_string(start.termination.limit), "time");
  ASSERT_TRUE(start.incumbent);
  EXPECT_EQ(start.incumbent->objective, 3);
  EXPECT_EQ(calls, 1);
}

TEST_P(Conformance, TimeLimitIsWallTime) {
  const Model model = testing::market_split(4, 30, 6);
  const Result result = solver->solve(model, {.time_limit = 1});
  EXPECT_EQ(to_string(result.termination.reason), "limit") << result.termination.detail;
  EXPECT_EQ(to_string(result.termination.limit), "time") << result.termination.detail;
  EXPECT_GT(result.seconds, 0.5);
  EXPECT_LT(result.seconds, 5);
  if (result.incumbent) {
    EXPECT_LE(model.violation(result.incumbent->x), 1e-6);
    EXPECT_LE(result.dual_bound, result.incumbent->objective);
  }
}

TEST_P(Conformance, BadOptionsAreRefused) {
  const Model model = testing::knapsack({3, 4}, {3, 4}, 5);
  EXPECT_THROW(solver->solve(model, {.time_limit = -1}), base::Error);
  EXPECT_THROW(solver->solve(model, {.time_limit = std::nan("")}), base::Error);
  EXPECT_THROW(solver->solve(model, {.node_limit = -2}), base::Error);
  EXPECT_THROW(solver->solve(model, {.relative_gap = -0.1}), base::Error);
  EXPECT_THROW(solver->solve(model, {.absolute_gap = std::nan("")}), base::Error);
  EXPECT_THROW(solver->solve(model, {.cutoff = infinity}), base::Error);
  Model bad = model;
  bad.add_row({.lower = 1, .upper = 0});
  EXPECT_THROW(solver->solve(bad, {}), base::Error);
}

TEST_P(Conformance, NamesItself) {
  EXPECT_EQ(solver->name(), GetParam());
  EXPECT_FALSE(solver->version().empty());
}

TEST_P(Conformance, RandomModelsAgreeWithEnumeration) {
  const int models = GetParam() == "cbc" ? 200 : 40;  // a process costs 30 times a call
  int infeasible = 0;
  for (int seed = 0; seed < models; ++seed) {
    SCOPED_TRACE(seed);
    const Model model = testing::random_model(static_cast<std::uint64_t>(seed), false);
    if (const auto optimum = testing::enumerate(model)) {
      solve_optimally(model, *optimum);
    } else {
      ++infeasible;
      expect_infeasible(model);
    }
  }
  EXPECT_GT(infeasible, models / 20);
  EXPECT_LT(infeasible, models / 2);
}

TEST_P(Conformance, RandomMixedModelsAgreeWithGlpk) {
  if (GetParam() == "external:glpsol") return;
  const auto glpk = make_solver("external:glpsol");
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    const Model model = testing::random_model(seed, true);
    const Result expected = glpk->solve(model, {});
    if (expected.incumbent) {
      ASSERT_EQ(to_string(expected.termination.reason), "optimal");
      solve_optimally(model, expected.incumbent->objective);
    } else {
      expect_infeasible(model);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Milp, Conformance, ::testing::Values("cbc", "external:cbc", "external:glpsol"), [](const auto& test) {
  std::string name = test.param;
  std::replace(name.begin(), name.end(), ':', '_');
  return name;
});

}  // namespace
}  // namespace espalier::milp
