// From claims and verified values to a status: every row of the table, without a solver.
#include "engine/conclude.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace espalier::engine {
namespace {

using milp::Limit;
using milp::Reason;

constexpr double infinity = std::numeric_limits<double>::infinity();

/// A solve of the dense network whose claims and forward passes agree on `value`.
struct Scene {
  milp::Result claimed;
  SolveResult result;
  SolveSettings settings;
  bool stopped_by_success = false;
  std::optional<double> embedded_margin;

  Scene(Reason reason, Limit limit, double bound) {
    claimed.termination = {.reason = reason, .limit = limit, .detail = "codes"};
    claimed.dual_bound = bound;
  }
  Scene& incumbent(double objective) {
    claimed.incumbent = milp::Incumbent{.objective = objective, .x = {}, .seconds = 0};
    return verified(objective);
  }
  Scene& verified(double margin) {
    result.verified_objective = margin;
    embedded_margin = margin;
    return *this;
  }
  Scene& decide() {
    settings.goal = Goal::decide;
    return *this;
  }
  Scene& surrogate() {
    result.dense = false;
    return *this;
  }
  Scene& success(bool stops) {
    result.adversarial_input = Eigen::VectorXd::Zero(1);
    stopped_by_success = stops;
    return *this;
  }
  SolveResult conclude() {
    engine::conclude(
        {.claimed = claimed, .settings = settings, .stopped_by_success = stopped_by_success, .embedded_margin = embedded_margin}, result);
    return result;
  }
};

TEST(Conclude, AnOptimumThatTheForwardPassConfirmsIsOptimal) {
  const SolveResult r = Scene(Reason::optimal, Limit::none, 2.5).incumbent(2.5).conclude();
  EXPECT_EQ(r.status, Status::optimal);
  EXPECT_EQ(r.reason, "optimal");
  EXPECT_EQ(r.limit, "none");
  EXPECT_EQ(r.detail, "codes");
  EXPECT_EQ(r.claimed_objective, 2.5);
}

TEST(Conclude, AnOptimumThatTheForwardPassDeniesIsAnError) {
  const SolveResult r = Scene(Reason::optimal, Limit::none, 2.5).incumbent(2.5).verified(2.4).conclude();
  EXPECT_EQ(r.status, Status::error);
  EXPECT_EQ(r.reason, "claim_refuted");
  EXPECT_THAT(r.detail, ::testing::HasSubstr("claimed optimum 2.5, but a forward pass at its input gives 2.4"));
  // The tolerance is 1e-5 (1 + |value|).
  EXPECT_EQ(Scene(Reason::optimal, Limit::none, 2.5).incumbent(2.5).verified(2.5 - 3.4e-5).conclude().status, Status::optimal);
  EXPECT_EQ(Scene(Reason::optimal, Limit::none, 2.5).incumbent(2.5).verified(2.5 - 3.6e-5).conclude().status, Status::error);
}

TEST(Conclude, ABoundFarAboveTheOptimumProvesNone) {
  const auto status = [](double bound, double absolute_gap, double relative_gap) {
    Scene scene(Reason::optimal, Limit::none, bound);
    scene.settings.absolute_gap = absolute_gap;
    scene.settings.relative_gap = relative_gap;
    return scene.incumbent(-3).conclude().status;
  };
  // The tolerance is 1e-5 (1 + |value|), beside the larger gap.
  EXPECT_EQ(status(-3 + 3.9e-5, 0, 0), Status::optimal);
  EXPECT_EQ(status(-3 + 4.1e-5, 0, 0), Status::limit);
  EXPECT_EQ(status(-3 + 0.10003, 0.1, 0.02), Status::optimal);
  EXPECT_EQ(status(-3 + 0.10005, 0.1, 0.02), Status::limit);
  EXPECT_EQ(status(-3 + 0.30003, 0.1, 0.1), Status::optimal);
  EXPECT_EQ(status(infinity, 0, 0), Status::limit);
  const SolveResult r = Scene(Reason::optimal, Limit::none, 2.85).incumbent(2.5).conclude();
  EXPECT_EQ(r.status, Status::limit);
  EXPECT_EQ(r.reason, "gap_open");
  EXPECT_EQ(r.limit, "tolerance");
  EXPECT_EQ(r.dual_bound, 2.85);
  EXPECT_EQ(r.detail, "all is searched, but the bound 2.85 is above 2.500035, which would prove the maximum 2.5; codes");
}

TEST(Conclude, ABoundBelowAVerifiedValueIsAnErrorWhateverTheStatus) {
  for (const Reason reason : {Reason::optimal, Reason::limit, Reason::stopped}) {
    Scene scene(reason, Limit::none, 1.0);
    scene.incumbent(1.0);
    scene.result.verified_objective = 1.5;  // an earlier incumbent was better
    const SolveResult r = scene.conclude();
    EXPECT_EQ(r.status, Status::error) << static_cast<int>(reason);
    EXPECT_THAT(r.detail, ::testing::HasSubstr("claimed bound 1, but a forward pass attains 1.5"));
  }
  Scene nan(Reason::optimal, Limit::none, std::nan(""));
  EXPECT_EQ(nan.incumbent(1.0).conclude().status, Status::error);
  Scene robust(Reason::limit, Limit::cutoff, decide_cutoff);
  EXPECT_EQ(robust.decide().verified(0.5).conclude().status, Status::error);
}

TEST(Conclude, LimitsAreLimits) {
  for (const Limit limit : {Limit::time, Limit::nodes, Limit::memory, Limit::iterations}) {
    const SolveResult r = Scene(Reason::limit, limit, 7.0).incumbent(2.0).conclude();
    EXPECT_EQ(r.status, Status::limit);
    EXPECT_EQ(r.limit, to_string(limit));
    EXPECT_EQ(r.dual_bound, 7.0);
  }
  EXPECT_EQ(Scene(Reason::limit, Limit::time, infinity).conclude().status, Status::limit);
  EXPECT_EQ(Scene(Reason::stopped, Limit::none, 7.0).conclude().status, Status::limit);
}

TEST(Conclude, OptimizeOfTheDenseNetworkStaysALimitThoughAnAdversarialInputWasFound) {
  EXPECT_EQ(Scene(Reason::limit, Limit::time, 7.0).incumbent(2.0).success(false).conclude().status, Status::limit);
}

TEST(Conclude, SolverFailuresAreErrors) {
  EXPECT_EQ(Scene(Reason::error, Limit::none, infinity).conclude().status, Status::error);
  EXPECT_EQ(Scene(Reason::unbounded, Limit::none, infinity).conclude().status, Status::error);
  const SolveResult r = Scene(Reason::infeasible, Limit::none, -infinity).conclude();
  EXPECT_EQ(r.status, Status::error);
  EXPECT_THAT(r.detail, ::testing::HasSubstr("claimed infeasible, but the clean input is a feasible point"));
  // In decide mode as well: what the cutoff leaves nothing of is a limit.
  EXPECT_EQ(Scene(Reason::infeasible, Limit::none, -infinity).decide().conclude().status, Status::error);
}

TEST(Conclude, ASuccessThatStopsIsAdversarial) {
  for (const Goal goal : {Goal::optimize, Goal::decide}) {
    Scene scene(Reason::stopped, Limit::none, 7.0);
    scene.settings.goal = goal;
    const SolveResult r = scene.incumbent(0.5).success(true).conclude();
    EXPECT_EQ(r.status, Status::adversarial);
    EXPECT_EQ(r.reason, "success");
  }
}

TEST(Conclude, DecideIsRobustWhenTheBoundIsBelowZero) {
  const SolveResult cutoff = Scene(Reason::limit, Limit::cutoff, decide_cutoff).decide().conclude();
  EXPECT_EQ(cutoff.status, Status::robust);
  EXPECT_EQ(cutoff.reason, "bound_below_zero");
  EXPECT_EQ(cutoff.limit, "none");
  EXPECT_LT(cutoff.dual_bound, 0);
  EXPECT_EQ(Scene(Reason::limit, Limit::time, -0.25).decide().verified(-0.5).conclude().status, Status::robust);
  EXPECT_EQ(Scene(Reason::limit, Limit::time, 0.25).decide().verified(-0.5).conclude().status, Status::limit);
}

TEST(Conclude, AMaximumWithinToleranceOfZeroIsUndecided) {
  const SolveResult r = Scene(Reason::optimal, Limit::none, 5e-7).decide().incumbent(5e-7).conclude();
  EXPECT_EQ(r.status, Status::limit);
  EXPECT_EQ(r.reason, "undecided");
}

TEST(Conclude, ASurrogateIsNeverOptimalOrRobust) {
  EXPECT_EQ(Scene(Reason::optimal, Limit::none, 2.5).surrogate().incumbent(2.5).conclude().status, Status::surrogate_solved);
  EXPECT_EQ(Scene(Reason::optimal, Limit::none, -2.5).surrogate().decide().incumbent(-2.5).conclude().status, Status::surrogate_solved);
  EXPECT_EQ(Scene(Reason::optimal, Limit::none, 2.5).surrogate().incumbent(2.5).success(false).conclude().status, Status::adversarial);
  EXPECT_EQ(Scene(Reason::limit, Limit::time, -2.5).surrogate().decide().incumbent(-3).conclude().status, Status::limit);
  EXPECT_EQ(Scene(Reason::limit, Limit::time, 2.5).surrogate().incumbent(1).success(false).conclude().status, Status::adversarial);
}

/// The surrogate's bound says nothing about the dense margin, which may be larger.
TEST(Conclude, ASurrogatesBoundMayLieBelowTheDenseMargin) {
  Scene scene(Reason::optimal, Limit::none, 1.0);
  scene.surrogate().incumbent(1.0);
  scene.result.verified_objective = 5.0;
  EXPECT_EQ(scene.conclude().status, Status::surrogate_solved);
}

}  // namespace
}  // namespace espalier::engine
