#include "espalier/certify/certify.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <type_traits>

#include "nn/scaled.hpp"
#include "problem/reference.hpp"

namespace espalier::certify {
namespace {

using problem::Problem;

static_assert(!std::is_default_constructible_v<Verified>, "only a Verifier makes one");
static_assert(!std::is_constructible_v<Verified, Claim>, "a claim is no proof");

/// y = (0, x0 - 0.5): class 1 wins where x0 > 0.5.
Problem line_problem(double x0, double epsilon) {
  Problem problem;
  problem.name = "line";
  problem.network.layers.push_back(
      {.weight = (nn::WeightMatrix(2, 2) << 0, 0, 1, 0).finished(), .bias = Eigen::Vector2f(0, -0.5F), .mask = {}});
  problem.input = Eigen::Vector2d(x0, 1.0);
  problem.epsilon = epsilon;
  problem.label = 0;
  problem.target = 1;
  return problem;
}

TEST(Verifier, AgreesWithEveryReferenceOptimum) {
  for (const Problem& problem : espalier::testing::reference_problems()) {
    const Verified verified = Verifier(problem).verify({.input = *problem.optimal_input, .objective = *problem.optimum});
    EXPECT_NEAR(verified.margin(), *problem.optimum, 1e-9) << problem.name;
    EXPECT_NEAR(verified.margin_float32(), *problem.optimum, 1e-4) << problem.name;
    EXPECT_EQ(verified.adversarial(), *problem.optimum > 0) << problem.name;
    EXPECT_LE(verified.distance(), problem.epsilon * (1 + 1e-6)) << problem.name;
  }
}

TEST(Verifier, BelievesTheForwardPassAndNotTheClaim) {
  const Problem problem = line_problem(0.25, 0.1);
  const Verified verified = Verifier(problem).verify({.input = Eigen::Vector2d(0.3, 1), .objective = 1e6});
  EXPECT_NEAR(verified.margin(), -0.2, 1e-15);
  EXPECT_FALSE(verified.adversarial());
}

TEST(Verifier, ClipsAndScalesBeforeItLooks) {
  const Problem problem = line_problem(0.25, 0.125);
  const Verified far = Verifier(problem).verify({.input = Eigen::Vector2d(0.75, 1.0), .objective = 0.25});
  EXPECT_EQ(far.input(), Eigen::Vector2d(0.375, 1.0));
  EXPECT_DOUBLE_EQ(far.distance(), 0.125);
  EXPECT_FALSE(far.adversarial());
  const Verified outside = Verifier(problem).verify({.input = Eigen::Vector2d(0.25, 1.0 + 1e-7), .objective = 0});
  EXPECT_EQ(outside.input(), Eigen::Vector2d(0.25, 1.0));
  EXPECT_EQ(outside.distance(), 0.0);
}

TEST(Verifier, AMarginAtTheThresholdIsNotAdversarialAndOneAboveIs) {
  const Problem problem = line_problem(0.5, 0.1);
  const Verifier verifier(problem);
  EXPECT_FALSE(verifier.verify({.input = Eigen::Vector2d(0.5 + 0.9e-6, 1), .objective = 0}).adversarial());
  EXPECT_TRUE(verifier.verify({.input = Eigen::Vector2d(0.5 + 1.1e-6, 1), .objective = 0}).adversarial());
}

/// Logits of 1e-9: the threshold goes with them, and stays what it is for ordinary ones and larger ones.
TEST(Verifier, TheThresholdIsCountedInTheMarginsUnit) {
  for (const Problem& problem : espalier::testing::reference_problems()) EXPECT_EQ(Verifier(problem).margin_unit(), 1) << problem.name;
  Problem large = line_problem(0.5, 0.1);
  large.network = espalier::testing::scaled_logits(large.network, 40);
  EXPECT_EQ(Verifier(large).margin_unit(), 1);
  for (const int exponent : {-60, -30}) {
    Problem problem = line_problem(0.5, 0.1);
    problem.network = espalier::testing::scaled_logits(problem.network, exponent);
    const Verifier verifier(problem);
    const double unit = verifier.margin_unit();
    EXPECT_GE(unit, std::ldexp(1.0, exponent));
    EXPECT_LT(unit, std::ldexp(1.0, exponent + 7));
    const auto adversarial = [&](double margin) {
      return verifier.verify({.input = Eigen::Vector2d(0.5 + std::ldexp(margin, -exponent), 1), .objective = 0}).adversarial();
    };
    EXPECT_FALSE(adversarial(-0.01 * std::ldexp(1.0, exponent)));
    EXPECT_FALSE(adversarial(0.9e-6 * unit));
    EXPECT_TRUE(adversarial(1.1e-6 * unit));
    EXPECT_TRUE(adversarial(0.01 * std::ldexp(1.0, exponent)));
  }
}

TEST(Verifier, TellsWhetherTheClassChanged) {
  const Problem problem = line_problem(0.45, 0.1);
  EXPECT_TRUE(Verifier(problem).verify({.input = Eigen::Vector2d(0.55, 1), .objective = 0}).class_changed());
  EXPECT_FALSE(Verifier(problem).verify({.input = Eigen::Vector2d(0.46, 1), .objective = 0}).class_changed());
}

/// Labels of a surrogate may be such that the dense network prefers the target at the clean image already.
TEST(Verifier, TheCleanInputMaySucceed) {
  EXPECT_TRUE(Verifier(line_problem(0.75, 0.1)).clean_input().adversarial());
  EXPECT_FALSE(Verifier(line_problem(0.75, 0.1)).clean_input().class_changed());
  EXPECT_FALSE(Verifier(line_problem(0.25, 0.1)).clean_input().adversarial());
}

TEST(Verifier, RefusesInputsThatAreNoPoints) {
  const Problem problem = line_problem(0.25, 0.1);
  const Verifier verifier(problem);
  const auto kind_of = [&](const Eigen::VectorXd& input) {
    try {
      verifier.verify({.input = input, .objective = 0});
    } catch (const base::Error& error) {
      return error.kind();
    }
    return base::ErrorKind::internal;
  };
  EXPECT_EQ(kind_of(Eigen::Vector3d(0, 0, 0)), base::ErrorKind::data);
  EXPECT_EQ(kind_of(Eigen::Vector2d(std::nan(""), 0)), base::ErrorKind::numeric);
  EXPECT_EQ(kind_of(Eigen::Vector2d(0, std::numeric_limits<double>::infinity())), base::ErrorKind::numeric);
}

}  // namespace
}  // namespace espalier::certify
