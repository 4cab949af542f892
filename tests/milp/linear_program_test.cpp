#include "espalier/milp/linear_program.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "espalier/base/random.hpp"

namespace espalier::milp {
namespace {

/// maximise 3 x + 2 y + 1 over x + y <= 4, x + 3 y <= 6, 0 <= x <= 3, y >= 0.
struct Example {
  Example() {
    x = model.add_column({.lower = 0, .upper = 3, .name = "x"});
    y = model.add_column({.lower = 0, .name = "y"});
    model.add_row({.upper = 4, .terms = {{x, 1}, {y, 1}}, .name = "sum"});
    model.add_row({.upper = 6, .terms = {{x, 1}, {y, 3}}, .name = "steep"});
    model.set_objective(Sense::maximise, {{x, 3}, {y, 2}}, 1);
  }
  Model model;
  Column x, y;
};

TEST(LinearProgram, SolvesAHandComputedExampleAndItsChanges) {
  const Example e;
  LinearProgram program(e.model);
  LinearProgram::Solution s = program.solve();
  ASSERT_EQ(s.status, LinearProgram::Status::optimal);
  EXPECT_NEAR(s.objective, 12, 1e-9);  // (3, 1)
  EXPECT_NEAR(s.x[0], 3, 1e-9);
  EXPECT_NEAR(s.x[1], 1, 1e-9);
  program.set_column_bounds(e.x, 0, 1);  // (1, 5/3)
  EXPECT_NEAR(program.solve().objective, 3 + 10.0 / 3 + 1, 1e-9);
  program.set_row_bounds(1, -infinity, infinity);  // (1, 3)
  EXPECT_NEAR(program.solve().objective, 3 + 6 + 1, 1e-9);
  program.set_coefficient(0, e.y, 2);  // (1, 1.5)
  EXPECT_NEAR(program.solve().objective, 3 + 3 + 1, 1e-9);
  program.set_column_bounds(e.x, -infinity, 1);
  EXPECT_NEAR(program.solve().objective, 7, 1e-9);
}

TEST(LinearProgram, RowDualsAreTheChangeOfTheOptimumInTheModelsSense) {
  const Example e;
  LinearProgram program(e.model);
  program.set_column_bounds(e.x, 0, 2);  // (2, 4/3): only "steep" binds
  const LinearProgram::Solution s = program.solve();
  ASSERT_EQ(s.row_duals.size(), 2U);
  EXPECT_NEAR(s.row_duals[0], 0, 1e-9);
  EXPECT_NEAR(s.row_duals[1], 2.0 / 3, 1e-9);
  program.set_row_bounds(1, -infinity, 6.3);
  EXPECT_NEAR(program.solve().objective, s.objective + 0.3 * s.row_duals[1], 1e-9);
}

TEST(LinearProgram, InfeasibilityIsSaidAndLeftAgain) {
  const Example e;
  LinearProgram program(e.model);
  program.set_row_bounds(0, 5, infinity);
  program.set_row_bounds(1, -infinity, 4);
  program.set_column_bounds(e.x, 0, 2);
  EXPECT_EQ(program.solve().status, LinearProgram::Status::infeasible);
  program.set_row_bounds(0, -infinity, 4);
  EXPECT_EQ(program.solve().status, LinearProgram::Status::optimal);
}

/// Dense, so that it takes some hundred iterations.
Model dense_model(int columns, int rows) {
  base::RandomStream random(1, "dense model");
  Model model;
  std::vector<Term> objective;
  for (int j = 0; j < columns; ++j) objective.push_back({model.add_column({.lower = 0, .name = {}}), random.uniform(0.5, 1)});
  for (int i = 0; i < rows; ++i) {
    RowData row{.upper = random.uniform(10, 20), .terms = {}, .name = {}};
    for (const Term& term : objective) row.terms.push_back({term.column, random.uniform(0.1, 1)});
    model.add_row(std::move(row));
  }
  model.set_objective(Sense::maximise, objective);
  return model;
}

TEST(LinearProgram, EndsWhenItsBudgetIsSpentAndGoesOnFromThere) {
  const Model model = dense_model(120, 80);
  LinearProgram whole(model), program(model);
  const LinearProgram::Solution optimum = whole.solve();
  ASSERT_EQ(optimum.status, LinearProgram::Status::optimal);
  ASSERT_GT(optimum.iterations, 20);
  int interrupted = 0;
  for (int looks = 0;; ++looks) {
    ASSERT_LT(looks, 1000);
    int left = looks;
    const LinearProgram::Solution s = program.solve(base::Budget(infinity, [&] { return --left < 0; }));
    if (s.status == LinearProgram::Status::optimal) {
      EXPECT_NEAR(s.objective, optimum.objective, 1e-6);
      break;
    }
    ASSERT_EQ(s.status, LinearProgram::Status::interrupted);
    EXPECT_TRUE(s.x.empty());
    ++interrupted;
  }
  EXPECT_GT(interrupted, 0);
}

/// In a worker, whose other threads print.
TEST(LinearProgram, LeavesTheDescriptorsOfTheProcessAlone) {
  const auto files = [] {
    struct stat out {
    }, error{};
    fstat(STDOUT_FILENO, &out);
    fstat(STDERR_FILENO, &error);
    return std::array{out.st_dev, out.st_ino, error.st_dev, error.st_ino};
  };
  ::testing::internal::CaptureStdout();
  const auto before = files();
  int looks = 0, changed = 0;
  const base::Budget watcher(infinity, [&] {
    ++looks;
    changed += files() != before;
    return false;
  });
  LinearProgram program(dense_model(120, 80));
  program.solve(watcher);
  program.set_objective({{Column{0}, 1}}, 0);
  program.solve(watcher);
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
  EXPECT_GT(looks, 2);
  EXPECT_EQ(changed, 0);
}

}  // namespace
}  // namespace espalier::milp
