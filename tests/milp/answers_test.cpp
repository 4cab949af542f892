// What every solver must answer: small models with known optima and random ones.
#include "milp/conformance.hpp"
#include "milp/models.hpp"

namespace espalier::milp {
namespace {

class Answers : public testing::Conformance {};

TEST_P(Answers, LinearProgram) {
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

TEST_P(Answers, Knapsack) { solve_optimally(testing::knapsack({3, 4, 5, 9, 14}, {3, 4, 4, 10, 15}, 20), 19); }

TEST_P(Answers, EqualityRowsFreeAndNegativeColumns) {
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

TEST_P(Answers, NegativeBoundsAndUpperBoundOnly) {
  Model model;
  const Column a = model.add_column({.lower = -8, .upper = -2.5, .integer = true});
  const Column b = model.add_column({.lower = -infinity, .upper = -1.25});
  model.add_row({.lower = -20, .terms = {{a, 1}, {b, 2}}});
  model.set_objective(Sense::maximise, {{a, 2}, {b, 1}});
  solve_optimally(model, 2 * -3 - 1.25);
}

TEST_P(Answers, ConstantIsPartOfEveryValue) {
  for (const Sense sense : {Sense::minimise, Sense::maximise}) {
    Model model;
    const Column n = model.add_column({.lower = -3, .upper = 4, .integer = true});
    model.add_row({.lower = -2.5, .upper = 3.5, .terms = {{n, 1}}});
    model.set_objective(sense, {{n, 2}}, 100.5);
    solve_optimally(model, sense == Sense::maximise ? 106.5 : 96.5);
  }
}

TEST_P(Answers, RangedRow) {
  Model model;
  const Column x = model.add_column({.lower = 0, .upper = 10});
  const Column n = model.add_column({.lower = 0, .upper = 10, .integer = true});
  model.add_row({.lower = 2.5, .upper = 4.5, .terms = {{x, 1}, {n, 1}}});
  model.set_objective(Sense::minimise, {{x, 3}, {n, 1}});
  solve_optimally(model, 3);
  model.set_objective(Sense::maximise, {{x, 1}, {n, 2}});
  solve_optimally(model, 8.5);
}

TEST_P(Answers, DegenerateAssignment) {
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

TEST_P(Answers, NoRows) {
  Model model;
  const Column n = model.add_column({.lower = -1.5, .upper = 2.5, .integer = true});
  const Column x = model.add_column({.lower = -1, .upper = 1});
  model.set_objective(Sense::maximise, {{n, 1}, {x, -1}});
  solve_optimally(model, 3);
}

TEST_P(Answers, EmptyObjective) {
  Model model;
  const Column n = model.add_column({.lower = 0, .upper = 9, .integer = true});
  const Column m = model.add_column({.lower = 0, .upper = 9, .integer = true});
  model.add_row({.lower = 31, .upper = 31, .terms = {{n, 3}, {m, 5}}});
  model.set_objective(Sense::maximise, {}, 7);
  solve_optimally(model, 7);
}

TEST_P(Answers, EmptyAndUnusedAndFixedColumns) {
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

TEST_P(Answers, NoColumns) {
  Model model;
  model.add_row({.lower = -1, .upper = 1});
  model.set_objective(Sense::minimise, {}, 3);
  solve_optimally(model, 3);
  model.add_row({.lower = 1, .upper = 2});
  expect_infeasible(model);
}

TEST_P(Answers, InfeasibleLinearProgram) {
  Model model;
  const Column x = model.add_column({.lower = 0, .upper = 3});
  const Column y = model.add_column({.lower = 0});
  model.add_row({.lower = 5, .terms = {{x, 1}, {y, -1}}});
  model.set_objective(Sense::maximise, {{x, 1}});
  expect_infeasible(model);
}

TEST_P(Answers, InfeasibleIntegerProgramWithFeasibleRelaxation) {
  Model model;
  const Column n = model.add_column({.lower = 0, .upper = 9, .integer = true});
  const Column m = model.add_column({.lower = 0, .upper = 9, .integer = true});
  model.add_row({.lower = 7, .upper = 7, .terms = {{n, 2}, {m, 4}}});
  for (const Sense sense : {Sense::minimise, Sense::maximise}) {
    model.set_objective(sense, {{n, 1}, {m, 1}});
    expect_infeasible(model);
  }
}

TEST_P(Answers, InfeasibleRowWithoutTerms) {
  Model model;
  model.add_column({.lower = 0, .upper = 1, .integer = true});
  model.add_row({.lower = 1, .upper = 2});
  expect_infeasible(model);
}

TEST_P(Answers, Unbounded) {
  Model model;
  const Column x = model.add_column({.lower = 0});
  const Column y = model.add_column({.lower = 0});
  model.add_row({.upper = 3, .terms = {{x, 1}, {y, -1}}});
  model.set_objective(Sense::maximise, {{x, 1}, {y, 1}});
  expect_unbounded(model);
  model.set_objective(Sense::minimise, {{x, -1}, {y, -1}});
  expect_unbounded(model);
}

TEST_P(Answers, UnboundedInteger) {
  Model model;
  const Column n = model.add_column({.lower = 0, .integer = true});
  const Column x = model.add_column({.lower = 0});
  model.add_row({.upper = 2.5, .terms = {{n, 1}, {x, -1}}});
  model.set_objective(Sense::maximise, {{n, 1}});
  expect_unbounded(model);
}

TEST_P(Answers, RandomModelsAgreeWithEnumeration) {
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

TEST_P(Answers, RandomMixedModelsAgreeWithGlpk) {
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

INSTANTIATE_TEST_SUITE_P(Milp, Answers, testing::every_solver(), testing::test_name);

}  // namespace
}  // namespace espalier::milp
