#include "branch/leaf_lp.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "branch/node_lp.hpp"
#include "espalier/nn/rescale.hpp"
#include "problem/reference.hpp"

namespace espalier::branch {
namespace {

using problem::Problem;

/// Weights of sizes 10^-3 to 10^3 beside each other: no units of the neurons make them alike.
Problem uneven_problem(std::uint64_t seed) {
  base::RandomStream random(seed, "uneven");
  Problem problem = espalier::testing::random_problem({4, 5, 4, 2}, seed, 1.0);
  for (nn::Layer& layer : problem.network.layers)
    for (float& w : layer.weight.reshaped()) w *= static_cast<float>(std::pow(10.0, static_cast<double>(random.below(7)) - 3));
  problem.network = nn::rescale(problem.network, problem.objective()).network;
  return problem;
}

struct Leaves {
  explicit Leaves(Problem asked)
      : problem(std::move(asked)),
        region(problem.region()),
        bounds(bounds::make_alpha_crown()->compute(problem.network, region)),
        query{.network = problem.network, .region = region, .objective = problem.objective(), .bounds = bounds},
        bounding(query, [](const Eigen::VectorXd&, double) {}) {}

  double margin(const Eigen::VectorXd& x) const {
    const Eigen::VectorXd y = nn::forward(problem.network, x);
    return problem.objective()(y);
  }
  /// All unstable neurons have the phases that they have at x, but where `flip` says otherwise.
  template <class Flip>
  Node leaf_of(const Eigen::VectorXd& x, const Flip& flip) {
    Node node = bounding.roots().front();
    const std::vector<Eigen::VectorXd> g = nn::pre_activations(problem.network, x);
    for (std::size_t k = 0; k < node.layers.size(); ++k)
      for (Eigen::Index i = 0; i < g[k].size(); ++i)
        if (node.layers[k].open(i)) node.fix({.layer = k, .index = i}, (g[k][i] > 0) != flip());
    return node;
  }

  Problem problem;
  problem::Region region;
  bounds::Bounds bounds;
  Query query;
  Bounding bounding;
};

TEST(LeafLp, ClosesLeavesThatTheNodesProgramLeavesOpen) {
  base::RandomStream random(1, "leaves");
  int leaves = 0, left_open = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Leaves l(uneven_problem(seed));
    NodeLp program(l.query);
    for (int repetition = 0; repetition < 3; ++repetition) {
      const Eigen::VectorXd x = espalier::testing::random_point(l.region, random);
      Node leaf = l.leaf_of(x, [] { return false; });
      Node other = leaf;
      const auto best = solve_leaf(l.query, l.bounding, {}, -1e9, leaf);
      ASSERT_TRUE(best) << "seed " << seed << ": x has these phases";
      const double attained = l.margin(problem::repair(l.region, *best));
      EXPECT_GE(leaf.bound, l.margin(x)) << seed;
      EXPECT_NEAR(leaf.bound, attained, 1e-6 * (1 + std::abs(attained))) << seed;
      program.solve(other, l.bounding);
      left_open += other.bound > leaf.bound + 1e-6 * (1 + std::abs(attained));
      ++leaves;
    }
  }
  EXPECT_EQ(leaves, 120);
  EXPECT_GT(left_open, 0);
}

TEST(LeafLp, ALeafWithoutInputsIsClosedWhateverTheMarginThere) {
  base::RandomStream random(2, "leaves");
  int empty = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Leaves l(uneven_problem(seed));
    for (int repetition = 0; repetition < 3; ++repetition) {
      const Eigen::VectorXd x = espalier::testing::random_point(l.region, random);
      Node leaf = l.leaf_of(x, [&random] { return random.below(2) == 0; });
      constexpr double cutoff_value = -1e3;
      if (solve_leaf(l.query, l.bounding, {}, cutoff_value, leaf)) continue;
      EXPECT_LE(leaf.bound, cutoff_value) << seed;
      ++empty;
    }
  }
  EXPECT_GT(empty, 20);
}

/// With the first layer's neuron off the second one's is the constant -1/2: no input has it on.
TEST(LeafLp, AConstantOnTheWrongSideClosesALeaf) {
  Problem problem;
  for (const auto& [weight, bias] : {std::pair{nn::WeightMatrix{{1.0F}}, -0.5F}, {nn::WeightMatrix{{2.0F}}, -0.5F}})
    problem.network.layers.push_back({.weight = weight, .bias = Eigen::VectorXf::Constant(1, bias), .mask = {}});
  problem.network.layers.push_back({.weight = nn::WeightMatrix{{0.0F}, {1.0F}}, .bias = Eigen::Vector2f(0, 0), .mask = {}});
  problem.input = Eigen::VectorXd::Constant(1, 0.5);
  problem.epsilon = 0.5;
  problem.target = 1;
  for (const problem::Norm norm : {problem::Norm::l1, problem::Norm::l2}) {
    problem.norm = norm;
    Leaves l(problem);
    Node leaf = l.bounding.roots().front();
    leaf.fix({.layer = 0, .index = 0}, false);
    leaf.fix({.layer = 1, .index = 0}, true);
    EXPECT_FALSE(solve_leaf(l.query, l.bounding, {}, -1.0, leaf));
    EXPECT_LE(leaf.bound, -1.0);
  }
}

TEST(LeafLp, ASpentBudgetLeavesTheNodeAsItWas) {
  Leaves l(uneven_problem(1));
  Node leaf = l.leaf_of(l.region.centre, [] { return false; });
  const base::Budget spent(0.0, {});
  EXPECT_THROW(solve_leaf(l.query, l.bounding, spent, -1e9, leaf), Interrupted);
  EXPECT_EQ(leaf.bound, std::numeric_limits<double>::infinity());
}

}  // namespace
}  // namespace espalier::branch
