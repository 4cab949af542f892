// How every solver must treat its caller's options and callbacks.
#include <gmock/gmock.h>

#include <cmath>

#include "espalier/base/error.hpp"
#include "milp/conformance.hpp"
#include "milp/models.hpp"

namespace espalier::milp {
namespace {

class Contract : public testing::Conformance {};
using ::testing::HasSubstr;

TEST_P(Contract, IncumbentsImproveStrictlyAndTheLastIsTheResult) {
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

TEST_P(Contract, StopFromTheCallback) {
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

TEST_P(Contract, AThrowingCallbackEndsTheSolveAsAnError) {
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

TEST_P(Contract, StopRequest) {
  SolveOptions options{.time_limit = 100, .stop_requested = [] { return true; }};
  const Result result = solver->solve(testing::market_split(4, 30, 3), options);
  EXPECT_EQ(to_string(result.termination.reason), "stopped") << result.termination.detail;
  EXPECT_LT(result.seconds, 10);
  options.stop_requested = []() -> bool { throw std::runtime_error("clock broken"); };
  const Result broken = solver->solve(testing::market_split(4, 30, 3), options);
  EXPECT_EQ(to_string(broken.termination.reason), "error");
  EXPECT_THAT(broken.termination.detail, HasSubstr("clock broken"));
}

TEST_P(Contract, CutoffAsksForStrictlyBetterPoints) {
  const Model model = testing::knapsack({3, 4, 5, 9, 14}, {3, 4, 4, 10, 15}, 20);
  const double optimum = *testing::enumerate(model);
  solve_optimally(model, optimum, {.cutoff = optimum - 0.5});
  for (const double cutoff : {optimum + 0.5, optimum}) {
    const Result result = solver->solve(model, {.cutoff = cutoff});
    EXPECT_EQ(to_string(result.termination.reason), "limit") << result.termination.detail;
    EXPECT_EQ(to_string(result.termination.limit), "cutoff");
    EXPECT_FALSE(result.incumbent);
    EXPECT_LE(result.dual_bound, cutoff);
    EXPECT_GE(result.dual_bound, optimum - 1e-6);
  }
}

TEST_P(Contract, CutoffWhenMinimising) {
  Model model;
  const Column n = model.add_column({.lower = -3, .upper = 4, .integer = true});
  model.add_row({.lower = -2.5, .terms = {{n, 1}}});
  model.set_objective(Sense::minimise, {{n, 1}}, 10);
  solve_optimally(model, 8, {.cutoff = 8.5});
  const Result result = solver->solve(model, {.cutoff = 7.5});
  EXPECT_EQ(to_string(result.termination.limit), "cutoff") << result.termination.detail;
  EXPECT_GE(result.dual_bound, 7.5);  // what the solver claims, if that is more
  EXPECT_LE(result.dual_bound, 8 + 1e-6);
}

TEST_P(Contract, TheStartIsTheFirstIncumbent) {
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

TEST_P(Contract, AnOptimalStartIsProven) {
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

TEST_P(Contract, AStartThatIsNoPointOfTheModelIsDropped) {
  const Model model = testing::knapsack({3, 4}, {3, 4}, 5);
  for (const std::vector<double>& start : {std::vector<double>{1, 1}, {0.5, 0}, {2, 0}, {0, 1 + 1e-5}, {std::nan(""), 0}}) {
    const Result result = solver->solve(model, {.start = start});
    EXPECT_EQ(to_string(result.termination.reason), "optimal") << result.termination.detail;
    EXPECT_NEAR(result.incumbent->objective, 4, 1e-6);
    EXPECT_THAT(result.termination.detail, HasSubstr("; the start was dropped: it violates the model by "));
  }
  const Result nothing = solver->solve(model, {.time_limit = 0, .start = {1, 1}});
  EXPECT_FALSE(nothing.incumbent);
  EXPECT_THAT(solver->solve(model, {.start = {0, 1}}).termination.detail, Not(HasSubstr("dropped")));
  try {
    solver->solve(model, {.start = {1}});
    ADD_FAILURE() << "accepted";
  } catch (const base::Error& e) {
    EXPECT_THAT(e.what(), HasSubstr("start: 2 values, one per column, are expected, found 1"));
  }
}

TEST_P(Contract, AStartThatIsNotBetterThanTheCutoffIsIgnored) {
  const Model model = testing::knapsack({3, 4}, {3, 4}, 5);
  const Result result = solver->solve(model, {.cutoff = 3.5, .start = {1, 0}});
  ASSERT_TRUE(result.incumbent) << result.termination.detail;
  EXPECT_EQ(result.incumbent->x, (std::vector<double>{0, 1}));
  const Result none = solver->solve(model, {.time_limit = 0, .cutoff = 3.5, .start = {1, 0}});
  EXPECT_FALSE(none.incumbent);
}

TEST_P(Contract, TimeLimitZeroLooksAtTheStartOnly) {
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

TEST_P(Contract, TimeLimitIsWallTime) {
  const Model model = testing::market_split(6, 50, 6);
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

TEST_P(Contract, BadOptionsAreRefused) {
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

TEST_P(Contract, NamesItself) {
  EXPECT_EQ(solver->name(), GetParam());
  EXPECT_FALSE(solver->version().empty());
}

INSTANTIATE_TEST_SUITE_P(Milp, Contract, testing::every_solver(), testing::test_name);

}  // namespace
}  // namespace espalier::milp
