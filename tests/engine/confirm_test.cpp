// What is left of a solver's negative claims: solvers that lie in every way, and checks that do not come to an end.
#include "engine/confirm.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

#include "espalier/certify/certify.hpp"
#include "espalier/engine/solve.hpp"
#include "problem/reference.hpp"

namespace espalier::engine {
namespace {

using espalier::testing::random_problem;
using espalier::testing::reference_problem;
using problem::Problem;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// A shell script as a solver: $1 model, $2 solution.
std::string script(const std::string& body) { return "external:sh -c '" + body + "' solver {model} {solution}"; }

/// Solves the model with another radius: right side of its first row, the budget. Its point is feasible and its value right, so that
/// nothing in the answer contradicts itself.
std::string with_radius(double radius) {
  return script("sed \"s/^ rhs r0 .*/ rhs r0 " + std::to_string(radius) +
                "/\" \"$1\" > \"$1\".lie && glpsol --freemps \"$1\".lie --write \"$2\"");
}

/// Not adversarial at the clean image, adversarial in the region.
Problem attackable() { return random_problem({12, 8, 8, 3}, 5, 3.0); }

/// Another value than its point has, and no point at all.
TEST(LyingSolver, AClaimThatContradictsItselfIsAnError) {
  const Problem problem = attackable();
  const auto answer = [&](const std::string& text, Goal goal) {
    return solve(problem, {.solver = script("echo \"" + text + "\" > \"$2\""), .goal = goal, .start = Start::none});
  };
  for (const Goal goal : {Goal::optimize, Goal::decide}) {
    const SolveResult infeasible = answer("Infeasible - objective value 0", goal);
    EXPECT_EQ(infeasible.status, Status::error);
    EXPECT_THAT(infeasible.detail, HasSubstr("claimed infeasible, but the clean input is a feasible point"));
    EXPECT_EQ(answer("Optimal - objective value -5", goal).status, Status::error);
    EXPECT_EQ(answer("Optimal - objective value 5", goal).status, Status::error);
  }
}

TEST(LyingSolver, AnOptimumOfAPartOfTheBallIsRefuted) {
  const Problem problem = attackable();
  const double truth = *solve(problem, {.solver = "bab"}).verified_objective;
  for (const double radius : {0.0, 1.0, 2.0}) {
    const SolveResult r = solve(problem, {.solver = with_radius(radius)});
    EXPECT_EQ(r.status, Status::error) << r.detail;
    EXPECT_EQ(r.reason, "claim_refuted") << r.detail;
    EXPECT_THAT(r.detail, AllOf(HasSubstr("claimed optimum " + fmt::format("{:.9g}", *r.claimed_objective)),
                                HasSubstr("a forward pass gives " + fmt::format("{:.9g}", *r.verified_objective))));
    EXPECT_GT(*r.verified_objective, *r.claimed_objective + 1e-3) << radius;
    EXPECT_LE(*r.verified_objective, truth + 1e-9);
    EXPECT_EQ(r.proved_by, "none");
  }
}

TEST(LyingSolver, ARobustnessThatIsNoneIsRefutedAndTheInputIsKept) {
  const Problem problem = attackable();
  const SolveResult r = solve(problem, {.solver = with_radius(0), .goal = Goal::decide});
  EXPECT_EQ(r.status, Status::error) << r.detail;
  EXPECT_EQ(r.reason, "claim_refuted");
  EXPECT_THAT(r.detail, HasSubstr("claimed that no margin is above -"));
  ASSERT_TRUE(r.adversarial_input);
  EXPECT_GT(certify::Verifier(problem).verify({.input = *r.adversarial_input, .objective = 0}).margin(), certify::adversarial_threshold);
}

TEST(Confirm, WithoutACheckAClaimStaysOne) {
  const Problem& robust = reference_problem("mnist_18_2x24_0");
  SolveSettings settings{.solver = "cbc", .time_limit_seconds = 60, .check_share = 0};
  SolveResult r = solve(robust, settings);
  EXPECT_EQ(r.status, Status::optimal_claimed);
  EXPECT_EQ(r.reason, "unconfirmed");
  EXPECT_EQ(r.limit, "none");
  EXPECT_THAT(r.detail, HasSubstr("not confirmed: no check was asked for"));
  EXPECT_EQ(r.proof_seconds, 0);
  settings.goal = Goal::decide;
  r = solve(robust, settings);
  EXPECT_EQ(r.status, Status::robust_claimed);
  EXPECT_FALSE(r.proved_bound);
  settings.solver = "bab";  // needs none
  r = solve(robust, settings);
  EXPECT_EQ(r.status, Status::robust);
  EXPECT_NE(r.proved_by, "none");
  EXPECT_EQ(*r.proved_bound, r.dual_bound);
}

TEST(Confirm, WhatIsConfirmedSaysBy) {
  const Problem& problem = reference_problem("mnist_18_2x24_0");
  for (const Goal goal : {Goal::optimize, Goal::decide}) {
    const SolveResult r = solve(problem, {.solver = "cbc", .goal = goal, .time_limit_seconds = 60});
    EXPECT_EQ(r.status, goal == Goal::optimize ? Status::optimal : Status::robust) << r.detail;
    EXPECT_THAT(r.proved_by, ::testing::AnyOf("bab", "bounds"));
    EXPECT_GT(r.proof_seconds, 0);
    EXPECT_GE(*r.proved_bound, *problem.optimum - 1e-9);
    if (goal == Goal::optimize) {
      EXPECT_LE(*r.proved_bound, *problem.optimum + 1e-5 * (1 + std::abs(*problem.optimum)));
    } else {
      EXPECT_LT(*r.proved_bound, 0);
    }
  }
}

/// The claim of a solver, and a check that says what the test wants.
struct Check {
  Problem problem = reference_problem("mnist_18_2x24_0");
  SolveSettings settings{.solver = "cbc", .time_limit_seconds = 1000};
  SolveResult result, check;
  SolveSettings given;
  double elapsed = 20;
  Prove prove = [this](const SolveSettings& own, const auto&) {
    given = own;
    return check;
  };

  Check(Status status, double verified, double bound_of_check) {
    result.status = status;
    result.limit = "none";
    result.detail = "codes";
    result.verified_objective = result.claimed_objective = result.dual_bound = verified;
    check.dual_bound = bound_of_check;
    check.limit = "none";
    check.nodes = 7;
  }
  SolveResult confirm() {
    const certify::Verifier verifier(problem);
    const base::Stopwatch watch;
    Recorder recorder(verifier, settings, watch, result);
    engine::confirm({.settings = settings, .elapsed_seconds = elapsed, .prove = prove}, recorder, result);
    return result;
  }
};

TEST(Confirm, AnOptimumHoldsWithinItsToleranceAndTheGapThatWasAskedFor) {
  EXPECT_EQ(Check(Status::optimal, 2, 2 + 2.9e-5).confirm().status, Status::optimal);
  EXPECT_EQ(Check(Status::optimal, 2, 2 + 3.1e-5).confirm().status, Status::optimal_claimed);
  EXPECT_EQ(Check(Status::optimal, 2, std::nan("")).confirm().status, Status::optimal_claimed);
  Check gap(Status::optimal, 2, 2.1);
  gap.settings.relative_gap = 0.05;
  EXPECT_EQ(gap.confirm().status, Status::optimal);
}

TEST(Confirm, RobustnessNeedsABoundBelowZero) {
  EXPECT_EQ(Check(Status::robust, -1, -1e-9).confirm().status, Status::robust);
  EXPECT_EQ(Check(Status::robust, -1, 0).confirm().status, Status::robust_claimed);
  EXPECT_EQ(Check(Status::robust, -1, std::nan("")).confirm().status, Status::robust_claimed);
}

TEST(Confirm, ACheckThatFailsOrIsCutShortLeavesAClaim) {
  Check late(Status::robust, -1, 0.25);
  late.check.limit = "time";
  const SolveResult r = late.confirm();
  EXPECT_EQ(r.status, Status::robust_claimed);
  EXPECT_EQ(r.limit, "time");
  EXPECT_EQ(r.proved_bound, 0.25);
  EXPECT_THAT(r.detail, AllOf(HasSubstr("codes; not confirmed: after"), HasSubstr("7 nodes our own bound is 0.25")));
  Check stopped(Status::robust, -1, 0.25);
  stopped.settings.stop_requested = [] { return true; };
  EXPECT_EQ(stopped.confirm().reason, "stopped");

  Check broken(Status::optimal, -1, 0);
  broken.prove = [](const SolveSettings&, const auto&) -> SolveResult { throw std::runtime_error("no memory left"); };
  broken.confirm();
  EXPECT_EQ(broken.result.status, Status::optimal_claimed);
  EXPECT_THAT(broken.result.detail, HasSubstr("not confirmed: no memory left"));
}

TEST(Confirm, TheCheckGetsItsShareAndStaysWithinTheTimeLimit) {
  Check scene(Status::robust, -1, -1);
  const auto seconds = [&](double elapsed, double limit, double share) {
    scene.elapsed = elapsed;
    scene.settings.time_limit_seconds = limit;
    scene.settings.check_share = share;
    scene.confirm();
    return scene.given.time_limit_seconds;
  };
  EXPECT_EQ(seconds(20, 1000, 0.5), 10);
  EXPECT_EQ(seconds(0.1, 1000, 0.5), 5);
  EXPECT_EQ(seconds(20, 22, 0.5), 2);
  EXPECT_EQ(seconds(23, 22, 0.5), 0);
  EXPECT_EQ(seconds(20, milp::infinity, 1), 20);
}

/// The engine itself, with time and without.
TEST(Confirm, ACheckThatRunsOutOfTimeLeavesAClaim) {
  const Problem& problem = reference_problem("mnist_18_2x24_0");
  for (const double seconds : {0.0, 1e-4, 100.0}) {
    Check scene(Status::optimal, *problem.optimum, 0);
    scene.settings.time_limit_seconds = scene.elapsed + seconds;
    scene.prove = [&](const SolveSettings& own, const auto&) { return solve(problem, own); };
    const SolveResult r = scene.confirm();
    EXPECT_EQ(r.status, seconds < 1 ? Status::optimal_claimed : Status::optimal) << seconds;
    EXPECT_EQ(r.limit, seconds < 1 ? "time" : "none") << seconds;
  }
}

}  // namespace
}  // namespace espalier::engine
