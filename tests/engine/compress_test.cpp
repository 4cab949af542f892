// Exact compression before the search: the answers are those of the network as it was.
#include <gtest/gtest.h>

#include <cmath>

#include "espalier/base/error.hpp"
#include "espalier/engine/solve.hpp"
#include "problem/reference.hpp"

namespace espalier::engine {
namespace {

using espalier::testing::random_problem;
using espalier::testing::reference_problem;
using espalier::testing::reference_problems;
using problem::Problem;

std::int64_t neurons(const std::vector<reduce::CompressedLayer>& layers) {
  std::int64_t sum = 0;
  for (const reduce::CompressedLayer& layer : layers) sum += layer.removed();
  return sum;
}

void expect_optimum(const Problem& problem, const SolveSettings& settings) {
  const SolveResult r = solve(problem, settings);
  const std::string where = problem.name + " by " + settings.solver;
  ASSERT_EQ(r.status, Status::optimal) << where << ": " << r.detail;
  ASSERT_TRUE(r.compression && r.dense) << where;
  const double tolerance = 1e-5 * (1 + std::abs(*problem.optimum));
  EXPECT_NEAR(*r.claimed_objective, *problem.optimum, tolerance) << where;
  EXPECT_NEAR(*r.verified_objective, *problem.optimum, tolerance) << where;
  EXPECT_GE(r.dual_bound, *r.verified_objective - 1e-9 * (1 + std::abs(*problem.optimum))) << where;
  EXPECT_LE(r.dual_bound, *problem.optimum + tolerance + r.compression->deviation) << where;
  EXPECT_GT(r.neurons.unstable, 0) << where;
}

TEST(Compress, ReferenceProblemsKeepTheirOptima) {
  std::int64_t folded = 0, removed = 0;
  for (const Problem& problem : reference_problems()) {
    // The two that take a second or more.
    if (problem.name == "mnist_18_3x24_20" || problem.name == "mnist_18_2x32_cbc_wrong") continue;
    expect_optimum(problem, {.solver = "bab", .compress = true});
  }
  for (const char* name : {"fashion_14_2x16_0", "fashion_18_2x24_0", "mnist_18_2x24_0", "mnist_18_2x32_0"}) {
    const SolveSettings settings{.solver = "cbc", .bounds = "crown", .compress = true, .time_limit_seconds = 60};
    expect_optimum(reference_problem(name), settings);
    const SolveResult whole = solve(reference_problem(name), {.solver = "cbc", .bounds = "crown", .time_limit_seconds = 60});
    const SolveResult small = solve(reference_problem(name), settings);
    EXPECT_LE(small.size.binaries, whole.size.binaries) << name << ": what folding makes is proven linear";
    removed += neurons(small.compression->layers);
    for (const reduce::CompressedLayer& layer : small.compression->layers) folded += layer.folded;
  }
  EXPECT_GT(folded, 0);
  EXPECT_GT(removed, folded);
}

TEST(Compress, BoundsOfTheAnswerAllowForRounding) {
  const Problem& problem = reference_problem("mnist_18_2x24_0");
  const SolveResult r = solve(problem, {.solver = "bab", .compress = true});
  ASSERT_GT(r.compression->deviation, 0);
  EXPECT_LT(r.compression->deviation, 1e-4);
  EXPECT_GE(r.dual_bound, *r.claimed_objective + 0.99 * r.compression->deviation);
  EXPECT_EQ(r.bound_trace.back().bound, r.dual_bound);
}

TEST(Compress, DecidesTheSignOfTheWholeNetwork) {
  for (const char* solver : {"cbc", "bab"}) {
    for (const char* name : {"mnist_18_2x24_0", "mnist_18_2x24_50"}) {
      const Problem& problem = reference_problem(name);
      const SolveResult r = solve(problem, {.solver = solver, .goal = Goal::decide, .compress = true, .time_limit_seconds = 60});
      EXPECT_EQ(r.status, *problem.optimum > 0 ? Status::adversarial : Status::robust) << solver << " " << name << ": " << r.detail;
      EXPECT_TRUE(r.adversarial_input || r.dual_bound < 0) << solver << " " << name;
    }
  }
}

TEST(Compress, NetworksThatBecomeLinearAreSolvedByEverySolver) {
  Problem problem = random_problem({8, 6, 5, 3}, 3, 1.0);
  for (std::size_t k : {0u, 1u}) problem.network.layers[k].bias.setConstant(50);
  const problem::Labels labels = problem::choose_labels(problem.network, problem.input);
  problem.label = labels.label;
  problem.target = labels.target;
  const SolveResult whole = solve(problem, {.solver = "bab"});
  ASSERT_EQ(whole.status, Status::optimal) << whole.detail;
  for (const char* solver : {"cbc", "bab"})
    for (const char* formulation : {"big-m", "big-m-literal", "big-m-split"}) {
      const SolveResult r = solve(problem, {.solver = solver, .formulation = formulation, .compress = true});
      EXPECT_EQ(r.status, Status::optimal) << solver << " " << formulation << ": " << r.detail;
      EXPECT_NEAR(*r.verified_objective, *whole.verified_objective, 1e-5 * (1 + std::abs(*whole.verified_objective))) << solver;
      EXPECT_LE(r.dual_bound - *r.verified_objective, 1e-5 * (1 + std::abs(*r.verified_objective))) << solver << " " << formulation;
      EXPECT_EQ(neurons(r.compression->layers), 11) << solver;
    }
}

TEST(Compress, ASurrogateIsCompressedAndStaysASurrogate) {
  const Problem& problem = reference_problem("mnist_18_2x24_0");
  nn::Network surrogate = problem.network;
  surrogate.layers[0].weight.topRows(5).setZero();
  const SolveResult whole = solve(problem, surrogate, {.solver = "cbc", .bounds = "crown", .time_limit_seconds = 60});
  const SolveResult small = solve(problem, surrogate, {.solver = "cbc", .bounds = "crown", .compress = true, .time_limit_seconds = 60});
  EXPECT_FALSE(small.dense);
  EXPECT_EQ(small.status, whole.status) << small.detail;
  EXPECT_NEAR(*small.claimed_objective, *whole.claimed_objective, 1e-5 * (1 + std::abs(*whole.claimed_objective)));
  EXPECT_GE(small.compression->layers[0].constant, 5);
}

/// The margin is 2 max(0, x_1 + 0.75 - 0.7 (weight x_0 + 1)), of which compression makes two layers. What float32 rounds of the weight on
/// x_0 raises the bound, though the maximum is where x_0 = 0.
Problem with_large_weight(float weight) {
  nn::Layer first{.weight = nn::WeightMatrix::Zero(2, 2), .bias = Eigen::Vector2f(1, 0.25F), .mask = {}};
  first.weight << weight, 0, 0, 1;
  nn::Layer second{.weight = nn::WeightMatrix::Zero(1, 2), .bias = Eigen::VectorXf::Constant(1, 0.5F), .mask = {}};
  second.weight << -0.7F, 1;
  nn::Layer output{.weight = nn::WeightMatrix::Zero(2, 1), .bias = Eigen::Vector2f::Zero(), .mask = {}};
  output.weight << 0, 2;
  Problem problem;
  problem.name = "large weight";
  problem.network.layers = {first, second, output};
  problem.input = Eigen::Vector2d(0, 0.5);
  problem.norm = problem::Norm::linf;
  problem.epsilon = 1;
  problem.label = 0;
  problem.target = 1;
  return problem;
}

TEST(Compress, ABoundThatTheSmallerNetworksRoundingRaisesIsNoProof) {
  const double maximum = 2 * (1.75 - static_cast<double>(0.7F));  // at (0, 1)
  for (const char* solver : {"bab", "cbc"}) {
    const Problem problem = with_large_weight(1e7F / 3);
    const SolveResult whole = solve(problem, {.solver = solver});
    EXPECT_EQ(whole.status, Status::optimal) << whole.detail;
    EXPECT_NEAR(*whole.verified_objective, maximum, 1e-5 * (1 + maximum));
    EXPECT_NEAR(whole.dual_bound, maximum, 1e-5 * (1 + maximum));
    const SolveResult small = solve(problem, {.solver = solver, .compress = true, .check_share = 0});
    EXPECT_EQ(small.status, Status::limit) << small.detail;
    EXPECT_EQ(small.reason, "gap_open");
    EXPECT_EQ(small.limit, "tolerance");
    EXPECT_EQ(small.proved_by, "none");
    EXPECT_NEAR(*small.verified_objective, maximum, 1e-5 * (1 + maximum));
    EXPECT_GT(small.dual_bound, 1.01 * maximum);
    // The network as it was has no such rounding.
    const SolveResult checked = solve(problem, {.solver = solver, .compress = true});
    EXPECT_EQ(checked.status, Status::optimal) << checked.detail;
    EXPECT_EQ(checked.reason, "optimal");
    EXPECT_EQ(checked.limit, "none");
    EXPECT_NE(checked.proved_by, "none");
    EXPECT_GE(checked.dual_bound, maximum);
    EXPECT_NEAR(checked.dual_bound, *checked.verified_objective, 1e-5 * (1 + maximum));
    EXPECT_EQ(checked.proved_bound, checked.dual_bound);
    EXPECT_GT(checked.compression->deviation, 0.01 * maximum);
    const SolveResult exact = solve(with_large_weight(1), {.solver = solver, .compress = true});
    EXPECT_EQ(exact.status, Status::optimal) << exact.detail;
    EXPECT_NEAR(*exact.verified_objective, maximum, 1e-5 * (1 + maximum));
  }
}

TEST(Compress, TheAttackProvesNothingAndCompressesNothing) {
  EXPECT_FALSE(solve(reference_problem("mnist_18_2x24_0"), {.solver = "attack", .compress = true}).compression);
}

}  // namespace
}  // namespace espalier::engine
