// The fixture of the conformance tests: each runs on every back end.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "espalier/milp/solver.hpp"

namespace espalier::milp::testing {

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

inline auto every_solver() { return ::testing::Values("cbc", "external:cbc", "external:glpsol"); }

inline std::string test_name(const ::testing::TestParamInfo<std::string>& test) {
  std::string name = test.param;
  std::replace(name.begin(), name.end(), ':', '_');
  return name;
}

}  // namespace espalier::milp::testing
