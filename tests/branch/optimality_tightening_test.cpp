#include "branch/optimality_tightening.hpp"

#include <gtest/gtest.h>

#include "branch/bounding.hpp"
#include "problem/reference.hpp"

namespace espalier::branch {
namespace {

using espalier::testing::random_point;
using espalier::testing::random_problem;
using espalier::testing::reference_problem;
using problem::Problem;

/// A problem with what tightening one of its nodes needs.
struct Tightening {
  explicit Tightening(Problem p)
      : problem(std::move(p)),
        region(problem.region()),
        bounds(bounds::make_crown()->compute(problem.network, region)),
        propagation(problem.network, region, bounds),
        bounding(query(), [](const Eigen::VectorXd&, double) {}) {}
  Query query() const { return {.network = problem.network, .region = region, .objective = problem.objective(), .bounds = bounds}; }
  Node improved_root() {
    Node node = bounding.roots().front();
    Node* const one[] = {&node};
    bounding.improve(one, 20, -1e9);
    return node;
  }

  Problem problem;
  problem::Region region;
  bounds::Bounds bounds;
  bounds::Propagation propagation;
  Bounding bounding;
};

/// Whether x, whose margin is above what the node was tightened with, is within its bounds and on the side of its splits.
::testing::AssertionResult holds(const Node& node, const std::vector<Eigen::VectorXd>& g) {
  if (node.empty) return ::testing::AssertionFailure() << "the node is empty";
  for (std::size_t k = 0; k < node.layers.size(); ++k) {
    const LayerState& layer = node.layers[k];
    for (Eigen::Index i = 0; i < g[k].size(); ++i) {
      if (g[k][i] < layer.bounds.lower[i] || g[k][i] > layer.bounds.upper[i] || layer.split[i] * g[k][i] < 0)
        return ::testing::AssertionFailure() << "neuron " << k << ", " << i << ": " << g[k][i] << " not in [" << layer.bounds.lower[i]
                                             << ", " << layer.bounds.upper[i] << "], split " << layer.split[i];
    }
  }
  return ::testing::AssertionSuccess();
}

TEST(OptimalityTightening, KeepsEveryPointWhoseMarginIsAboveTheCutoff) {
  base::RandomStream random(5, "points");
  std::int64_t checked = 0, closer = 0, decided = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Tightening c(random_problem({10, 8, 8, 8, 3}, seed, 1.5));
    // The margins of many points, to tighten at one that a few of them exceed.
    std::vector<std::vector<Eigen::VectorXd>> all;
    std::vector<double> margins;
    for (int p = 0; p < 2000; ++p) {
      all.push_back(nn::pre_activations(c.problem.network, random_point(c.region, random)));
      margins.push_back(c.problem.objective()(all.back().back()));
    }
    std::vector<double> sorted = margins;
    std::sort(sorted.begin(), sorted.end());
    for (const double share : {0.5, 0.95, 0.999}) {
      const double cutoff_value = sorted[static_cast<std::size_t>(share * 2000)];
      Node node = c.improved_root();
      const Node before = node;
      for (int round = 0; round < 3 && node.bound > cutoff_value && !node.empty; ++round) {
        EXPECT_GT(tighten_by_cutoff(c.propagation, c.propagation.margin_rows(c.problem.objective()), cutoff_value, {}, node), 0);
        Node* const one[] = {&node};
        if (!node.empty) c.bounding.improve(one, 10, cutoff_value);
      }
      for (std::size_t k = 0; k < node.layers.size(); ++k) {
        EXPECT_TRUE((node.layers[k].bounds.lower.array() >= before.layers[k].bounds.lower.array()).all());
        closer += (node.layers[k].bounds.upper.array() < before.layers[k].bounds.upper.array()).count();
        decided += (node.layers[k].split.array() != 0).count();
      }
      for (std::size_t p = 0; p < all.size(); ++p) {
        if (margins[p] <= cutoff_value) continue;
        ASSERT_TRUE(holds(node, all[p])) << "seed " << seed << ", cutoff " << cutoff_value << ", margin " << margins[p];
        EXPECT_LE(margins[p], node.bound);
        ++checked;
      }
    }
  }
  EXPECT_GT(checked, 5000);
  EXPECT_GT(closer, 100);
  EXPECT_GT(decided, 5);
}

TEST(OptimalityTightening, KeepsTheOptimaOfReferenceProblems) {
  for (const char* name : {"mnist_14_3x16_20", "mnist_18_2x32_50", "fashion_18_3x24_20", "mnist_18_3x24_20"}) {
    Tightening c(reference_problem(name));
    const std::vector<Eigen::VectorXd> g = nn::pre_activations(c.problem.network, *c.problem.optimal_input);
    const double margin = c.problem.objective()(g.back());
    for (const double below : {3.0, 0.3, 1e-3}) {
      Node node = c.improved_root();
      for (int round = 0; round < 5; ++round) {
        tighten_by_cutoff(c.propagation, c.propagation.margin_rows(c.problem.objective()), margin - below, {}, node);
        Node* const one[] = {&node};
        ASSERT_TRUE(holds(node, g)) << name << ", cutoff " << below << " below the optimum";
        c.bounding.improve(one, 10, margin - below);
        EXPECT_GE(node.bound, margin);
      }
    }
  }
}

TEST(OptimalityTightening, RulesOutANodeThatCannotReachTheCutoff) {
  // Far above the optimum, but below the root's bound: only tightened bounds show it.
  int closed = 0;
  for (const char* name : {"mnist_14_2x16_0", "mnist_14_3x16_20", "fashion_14_3x16_20", "mnist_18_2x24_0"}) {
    Tightening c(reference_problem(name));
    Node node = c.improved_root();
    const double cutoff_value = node.bound - 0.1 * (node.bound - *c.problem.optimum);
    for (int round = 0; round < 10 && node.bound > cutoff_value && !node.empty; ++round) {
      tighten_by_cutoff(c.propagation, c.propagation.margin_rows(c.problem.objective()), cutoff_value, {}, node);
      Node* const one[] = {&node};
      if (!node.empty) c.bounding.improve(one, 10, cutoff_value);
    }
    closed += node.empty || node.bound <= cutoff_value;
  }
  EXPECT_GE(closed, 3);
}

}  // namespace
}  // namespace espalier::branch
