#include "branch/branching.hpp"

#include <gtest/gtest.h>

#include "problem/reference.hpp"

namespace espalier::branch {
namespace {

using espalier::testing::random_point;
using espalier::testing::random_problem;

bool has_phases(const Node& node, const std::vector<Eigen::VectorXd>& g) {
  for (std::size_t k = 0; k < node.layers.size(); ++k)
    if ((node.layers[k].split.transpose().array() * g[k].array() < 0).any()) return false;
  return true;
}

/// Nothing is lost between a node and its children: every point above what was closed is in one of them, and below its bound.
TEST(Branching, ChildrenCoverTheirParent) {
  base::RandomStream random(3, "points");
  int inside = 0, pairs = 0, single = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const problem::Problem problem = random_problem({10, 8, 8, 3}, seed, 1.5);
    const problem::Region region = problem.region();
    const bounds::Bounds bounds = bounds::make_crown()->compute(problem.network, region);
    Bounding bounding({.network = problem.network, .region = region, .objective = problem.objective(), .bounds = bounds},
                      [](const Eigen::VectorXd&, double) {});
    Node root = bounding.roots().front();
    if (root.unstable_neurons() == 0) continue;
    Node* const one[] = {&root};
    bounding.improve(one, 20, -1e9);
    // Where little is closed, and where most is.
    for (const double share : {2.0, 0.3, 0.1}) {
      const double cutoff_value = root.bound - share * std::abs(root.bound);
      const Children children = branch(bounding, {root}, cutoff_value);
      EXPECT_LE(children.closed, cutoff_value);
      pairs += children.nodes.size() == 2;
      single += children.nodes.size() == 1;
      for (const Node& child : children.nodes) EXPECT_LT(child.unstable_neurons(), root.unstable_neurons());
      for (int p = 0; p < 300; ++p) {
        const std::vector<Eigen::VectorXd> g = nn::pre_activations(problem.network, random_point(region, random));
        const double margin = problem.objective()(g.back());
        if (margin <= cutoff_value) continue;
        bool found = false;
        for (const Node& child : children.nodes) {
          if (!has_phases(child, g)) continue;
          found = true;
          EXPECT_LE(margin, child.bound);
        }
        ASSERT_TRUE(found) << "seed " << seed << ", cutoff " << cutoff_value << ", margin " << margin;
        ++inside;
      }
    }
  }
  EXPECT_GT(inside, 1000);
  EXPECT_GE(pairs, 5);
  EXPECT_GE(single, 2);
}

TEST(Branching, OfNoNodesNothing) {
  const problem::Problem problem = random_problem({10, 8, 8, 3}, 1, 1.5);
  const problem::Region region = problem.region();
  const bounds::Bounds bounds = bounds::make_interval()->compute(problem.network, region);
  Bounding bounding({.network = problem.network, .region = region, .objective = problem.objective(), .bounds = bounds},
                    [](const Eigen::VectorXd&, double) {});
  EXPECT_TRUE(branch(bounding, {}, 0).nodes.empty());
}

}  // namespace
}  // namespace espalier::branch
