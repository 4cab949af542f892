#include "espalier/branch/branch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "branch/bounding.hpp"
#include "branch/node_lp.hpp"
#include "problem/reference.hpp"

namespace espalier::branch {
namespace {

using espalier::testing::random_point;
using espalier::testing::random_problem;
using espalier::testing::reference_problem;
using problem::Problem;

const std::vector<std::string> quick_problems{"fashion_14_2x16_0", "fashion_14_2x16_50", "fashion_14_3x16_20", "fashion_18_2x24_0",
                                              "fashion_18_2x32_0", "fashion_18_3x24_20", "mnist_14_2x16_0",    "mnist_14_2x16_50",
                                              "mnist_14_3x16_20",  "mnist_18_2x24_0",    "mnist_18_2x24_50",   "mnist_18_2x32_0"};

double margin_at(const Problem& problem, const Eigen::VectorXd& x) {
  const Eigen::VectorXd logits = nn::forward(problem.network, x);
  return problem.objective()(logits);
}

/// A problem with its bounds, in one place.
struct Case {
  explicit Case(Problem p) : problem(std::move(p)), region(problem.region()) {
    bounds = bounds::make_alpha_crown()->compute(problem.network, region);
  }
  Query query() const { return {.network = problem.network, .region = region, .objective = problem.objective(), .bounds = bounds}; }
  Outcome solve(const Options& options = {}) const { return run(query(), options); }

  Problem problem;
  problem::Region region;
  bounds::Bounds bounds;
};

TEST(Branch, ProvesTheOptimaOfReferenceProblemsWithoutAStart) {
  for (const std::string& name : quick_problems) {
    const Case c(reference_problem(name));
    const double optimum = *c.problem.optimum;
    const Outcome outcome = c.solve();
    EXPECT_EQ(outcome.end, End::closed) << name;
    EXPECT_GE(outcome.bound, optimum - 1e-7) << name;
    EXPECT_LE(outcome.bound, optimum + 2e-6 * (1 + std::abs(optimum))) << name;
    EXPECT_NEAR(outcome.best->margin, optimum, 2e-6 * (1 + std::abs(optimum))) << name;
    EXPECT_NEAR(margin_at(c.problem, outcome.best->input), outcome.best->margin, 1e-9) << name;
    EXPECT_TRUE(contains(c.region, outcome.best->input, 1e-6)) << name;
    EXPECT_GT(outcome.nodes, 1) << name;
  }
}

TEST(Branch, BoundsAreNeverBelowTheOptimumWhereverItStops) {
  for (const char* name : {"mnist_18_2x32_0", "mnist_18_2x32_50", "mnist_18_3x24_20"}) {
    const Case c(reference_problem(name));
    double last = std::numeric_limits<double>::infinity();
    for (const int limit : {1, 2, 6, 12}) {
      std::vector<double> trace;
      const Outcome outcome = c.solve({.node_limit = limit, .on_bound = [&](double bound) { trace.push_back(bound); }});
      EXPECT_EQ(outcome.end, End::nodes) << name;
      EXPECT_GE(outcome.nodes, limit);
      EXPECT_GE(outcome.bound, *c.problem.optimum) << name;
      EXPECT_LE(outcome.bound, last) << name;
      EXPECT_TRUE(std::is_sorted(trace.rbegin(), trace.rend()));
      EXPECT_EQ(trace.back(), outcome.bound);
      last = outcome.bound;
    }
  }
}

TEST(Branch, EqualQueriesGiveEqualBits) {
  const Case c(reference_problem("mnist_18_2x32_50"));
  const Outcome first = c.solve({.node_limit = 100}), again = c.solve({.node_limit = 100});
  EXPECT_EQ(first.bound, again.bound);
  EXPECT_EQ(first.best->input, again.best->input);
  EXPECT_EQ(first.passes, again.passes);
}

TEST(Branch, DecidesTheSignWithFewerNodes) {
  const Case robust(reference_problem("mnist_18_2x24_0"));
  const Outcome decided = robust.solve({.cutoff = -1e-6}), full = robust.solve();
  EXPECT_EQ(decided.end, End::closed);
  EXPECT_LE(decided.bound, -1e-6);
  EXPECT_GE(decided.bound, *robust.problem.optimum);
  EXPECT_LT(decided.nodes, full.nodes);
}

TEST(Branch, StopsWhenToldAndStartsFromTheCallersPoint) {
  const Case c(reference_problem("mnist_18_2x24_50"));
  const Outcome stopped = c.solve({.on_improvement = [](const Eigen::VectorXd&, double margin) { return margin > 0; }});
  EXPECT_EQ(stopped.end, End::stopped);
  EXPECT_GT(stopped.best->margin, 0);
  const Outcome asked = c.solve({.stop_requested = [] { return true; }});
  EXPECT_EQ(asked.end, End::stopped);
  EXPECT_EQ(c.solve({.time_limit_seconds = 0}).end, End::time);
  // The optimum as a start: it is all the caller hears of.
  int told = 0;
  const Outcome started = c.solve({.start = Point{*c.problem.optimal_input, margin_at(c.problem, *c.problem.optimal_input)},
                                   .on_improvement = [&](const Eigen::VectorXd&, double) { return ++told < 0; }});
  EXPECT_EQ(started.end, End::closed);
  EXPECT_LE(told, 3);
  EXPECT_GE(told, 1);
}

TEST(Branch, DegenerateNetworksHaveTheirAnswerAtTheRoot) {
  Problem dead = random_problem({20, 5, 4}, 7, 1.5);
  dead.network.layers[0].weight.setZero();
  Problem ignored = random_problem({20, 5, 5, 4}, 8, 1.5);
  ignored.network.layers[2].weight.setZero();
  Problem off = random_problem({20, 5, 5, 4}, 9, 1.5);
  off.network.layers[1].bias.setConstant(-1000);
  for (const Problem& problem : {dead, ignored, off}) {
    const Outcome outcome = Case(problem).solve();
    EXPECT_EQ(outcome.end, End::closed);
    EXPECT_NEAR(outcome.best->margin, margin_at(problem, problem.input), 1e-12);
    EXPECT_NEAR(outcome.bound, outcome.best->margin, 1e-9);
    EXPECT_EQ(outcome.nodes, 1);
  }
}

/// Nodes with random phases; points of the region that have them must be below the node's bound.
TEST(Bounding, BoundsOfNodesHoldForThePointsWithTheirPhases) {
  base::RandomStream random(1, "nodes");
  int checked = 0;
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    const Case c(random_problem({10, 7, 7, 3}, seed, 1.5));
    Bounding bounding(c.query(), [&](const Eigen::VectorXd& x, double margin) {
      EXPECT_TRUE(contains(c.region, x, 1e-12));
      EXPECT_NEAR(margin_at(c.problem, x), margin, 1e-10);
    });
    NodeLp program(c.query());
    std::vector<Node> nodes;
    for (int n = 0; n < 6; ++n) {
      nodes.push_back(bounding.roots().front());
      for (int split = 0; split < 3; ++split) {
        const std::size_t layer = random.below(2);
        const auto i = static_cast<Eigen::Index>(random.below(7));
        if (nodes.back().layers[layer].open(i)) nodes.back().fix({.layer = layer, .index = i}, random.below(2) == 0);
      }
      nodes.back().last_split_layer = 0;
    }
    std::vector<Node*> pointers;
    for (Node& node : nodes) pointers.push_back(&node);
    bounding.refine(pointers);
    std::erase_if(pointers, [](const Node* node) { return node->empty; });
    bounding.improve(pointers, 25, -1e9);
    std::vector<double> exact;
    for (Node* node : pointers) {
      Node copy = *node;
      program.solve(copy, bounding);
      exact.push_back(copy.bound);
      EXPECT_LE(copy.bound, node->bound);
    }
    for (int p = 0; p < 3000; ++p) {
      const Eigen::VectorXd x = random_point(c.region, random);
      const std::vector<Eigen::VectorXd> g = nn::pre_activations(c.problem.network, x);
      const double margin = c.problem.objective()(g.back());
      for (std::size_t n = 0; n < nodes.size(); ++n) {
        bool inside = true;
        for (std::size_t k = 0; k < 2; ++k) inside = inside && (nodes[n].layers[k].split.transpose().array() * g[k].array() >= 0).all();
        if (!inside) continue;
        ASSERT_FALSE(nodes[n].empty);
        const auto at = static_cast<std::size_t>(std::find(pointers.begin(), pointers.end(), &nodes[n]) - pointers.begin());
        EXPECT_LE(margin, nodes[n].bound);
        EXPECT_LE(margin, exact[at]);
        for (std::size_t k = 0; k < 2; ++k) {
          EXPECT_TRUE((g[k].array() >= nodes[n].layers[k].bounds.lower.array()).all());
          EXPECT_TRUE((g[k].array() <= nodes[n].layers[k].bounds.upper.array()).all());
        }
        ++checked;
      }
    }
  }
  EXPECT_GT(checked, 1000);
}

TEST(NodeLp, WithAllPhasesFixedTheBoundIsAttainedByAnInput) {
  int attained = 0;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const Case c(random_problem({10, 6, 6, 3}, seed, 1.0));
    Bounding bounding(c.query(), [](const Eigen::VectorXd&, double) {});
    Node node = bounding.roots().front();
    const std::vector<Eigen::VectorXd> g = nn::pre_activations(c.problem.network, c.problem.input);
    for (std::size_t k = 0; k < 2; ++k) {
      for (Eigen::Index i = 0; i < 6; ++i)
        if (node.layers[k].open(i)) node.fix({.layer = k, .index = i}, g[k][i] > 0);
    }
    NodeLp program(c.query());
    const std::optional<Eigen::VectorXd> input = program.solve(node, bounding);
    ASSERT_TRUE(input.has_value());
    EXPECT_NEAR(margin_at(c.problem, *input), node.bound, 1e-6);
    EXPECT_GE(node.bound, margin_at(c.problem, c.problem.input));
    attained += node.bound > margin_at(c.problem, c.problem.input) + 0.01;
  }
  EXPECT_GE(attained, 8);
}

TEST(NodeLp, PhasesThatNoInputHasAreProvenEmpty) {
  // Phases of points far outside the region: impossible inside, though every neuron alone may have them.
  int empty = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const Case c(random_problem({10, 8, 8, 3}, seed, 0.6));
    Bounding bounding(c.query(), [](const Eigen::VectorXd&, double) {});
    base::RandomStream random(seed, "phases");
    Node node = bounding.roots().front();
    for (std::size_t k = 0; k < 2; ++k) {
      for (Eigen::Index i = 0; i < 8; ++i)
        if (node.layers[k].open(i)) node.fix({.layer = k, .index = i}, random.below(2) == 0);
    }
    NodeLp program(c.query());
    if (program.solve(node, bounding)) continue;
    ++empty;
    EXPECT_LT(node.bound, -100) << seed;
  }
  EXPECT_GE(empty, 5);
}

}  // namespace
}  // namespace espalier::branch
