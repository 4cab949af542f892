// What a search and tightened bounds are worth when they are ended early, by any limit.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "branch/bounding.hpp"
#include "branch/node_queue.hpp"
#include "espalier/branch/branch.hpp"
#include "espalier/branch/tighten.hpp"
#include "problem/reference.hpp"

namespace espalier::branch {
namespace {

using bounds::Bounds;
using espalier::testing::random_point;
using espalier::testing::random_problem;
using problem::Problem;

constexpr double infinity = std::numeric_limits<double>::infinity();

bool no_looser(const Bounds& bounds, const Bounds& than) {
  for (std::size_t k = 0; k < bounds.layers.size(); ++k) {
    if ((bounds.layers[k].lower.array() < than.layers[k].lower.array()).any()) return false;
    if ((bounds.layers[k].upper.array() > than.layers[k].upper.array()).any()) return false;
  }
  return true;
}

Outcome search(const Problem& problem, const Bounds& bounds, const Options& options) {
  const problem::Region region = problem.region();
  return run({.network = problem.network, .region = region, .objective = problem.objective(), .bounds = bounds}, options);
}

/// Some hundred nodes.
Problem hard_problem() { return random_problem({20, 14, 14, 14, 4}, 1, 2.5); }

TEST(BranchBudget, WheneverItIsSpentTheBoundHolds) {
  const Problem problem = hard_problem();
  const Bounds bounds = bounds::make_crown()->compute(problem.network, problem.region());
  const double optimum = search(problem, bounds, {}).best->margin;
  std::int64_t nodes = 0;
  for (std::int64_t most = 0;; most = most * 3 / 2 + 1) {
    std::int64_t looks = 0;
    double told = infinity;
    const Outcome outcome =
        search(problem, bounds, {.on_bound = [&](double bound) { told = bound; }, .stop_requested = [&] { return ++looks > most; }});
    EXPECT_GE(outcome.bound, optimum - 1e-9) << most;
    EXPECT_EQ(outcome.bound, told);
    EXPECT_GE(outcome.nodes, nodes);
    nodes = outcome.nodes;
    if (outcome.end == End::closed) break;
    ASSERT_EQ(outcome.end, End::stopped);
    EXPECT_LE(looks, most + 4) << "it goes on";
    EXPECT_LE(outcome.bound, bounds::largest_margin(bounds, problem.objective()));
  }
  EXPECT_GT(nodes, 100);
}

TEST(BranchBudget, NodesThatFillTheirMemoryEndTheSearchWithItsBound) {
  const Problem problem = hard_problem();
  const Bounds bounds = bounds::make_alpha_crown()->compute(problem.network, problem.region());
  const Outcome whole = search(problem, bounds, {}), outcome = search(problem, bounds, {.memory_limit_mib = 0.03});
  EXPECT_EQ(outcome.end, End::memory);
  EXPECT_GE(outcome.bound, whole.best->margin);
  EXPECT_LT(outcome.bound, bounds::largest_margin(bounds, problem.objective()));
  EXPECT_GT(outcome.nodes, 20);
  EXPECT_LT(outcome.nodes, whole.nodes);
  const Outcome unlimited = search(problem, bounds, {.memory_limit_mib = 0});
  EXPECT_EQ(unlimited.end, End::closed);
  EXPECT_EQ(unlimited.nodes, whole.nodes);
}

TEST(NodeQueue, CountsItsBytesAndDropsWhatIsClosed) {
  NodeQueue queue;
  EXPECT_TRUE(queue.empty());
  for (const double bound : {1.0, 5.0, 3.0, 2.0, 4.0, infinity}) {
    Node node;
    node.layers.resize(1);
    node.layers[0].slope = Eigen::RowVectorXd::Zero(100);
    node.bound = bound;
    queue.push(std::move(node));
  }
  const std::size_t bytes = queue.bytes();
  EXPECT_GE(bytes, 6 * 5 * 100 * sizeof(double));
  EXPECT_EQ(queue.drop_closed(2.0), 2.0);
  EXPECT_EQ(queue.bytes(), bytes / 6 * 4);
  EXPECT_EQ(queue.drop_closed(2.0), -infinity);
  for (const double bound : {infinity, 5.0, 4.0, 3.0}) {
    EXPECT_EQ(queue.largest_bound(), bound);
    EXPECT_EQ(queue.pop().bound, bound);
  }
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.bytes(), 0U);
}

TEST(TightenBudget, WheneverItIsSpentTheBoundsAreValidAndNoLooser) {
  const Problem problem = random_problem({10, 8, 8, 6, 3}, 5, 1.5);
  base::RandomStream random(1, "points");
  std::vector<Eigen::VectorXd> points{problem.input};
  for (int i = 0; i < 20; ++i) points.push_back(random_point(problem.region(), random));
  for (const char* name : {"obbt-lp", "obbt-mip"}) {
    const auto method = make_bounds_method(name);
    const Bounds whole = method->compute(problem.network, problem.region()),
                 box = bounds::make_interval_box()->compute(problem.network, problem.region()),
                 opt = bounds::make_alpha_crown()->compute(problem.network, problem.region());
    int better = 0;
    for (std::int64_t most = 0;; most = most * 5 / 4 + 1) {
      std::int64_t looks = 0;
      const Bounds cut = method->compute(problem.network, problem.region(), base::Budget(infinity, [&] { return ++looks > most; }));
      if (cut.complete) {
        EXPECT_TRUE(no_looser(cut, whole) && no_looser(whole, cut)) << name;
        break;
      }
      check(cut, problem.network, name);
      EXPECT_LE(looks, most + 12) << name << ": it goes on";
      EXPECT_TRUE(no_looser(cut, box)) << name << " " << most;
      better += no_looser(cut, opt) && !no_looser(opt, cut);
      for (const Eigen::VectorXd& x : points) {
        const std::vector<Eigen::VectorXd> g = nn::pre_activations(problem.network, x);
        for (std::size_t k = 0; k < g.size(); ++k) {
          EXPECT_TRUE((g[k].array() >= cut.layers[k].lower.array()).all()) << name << " " << most << ", layer " << k;
          EXPECT_TRUE((g[k].array() <= cut.layers[k].upper.array()).all()) << name << " " << most << ", layer " << k;
        }
      }
    }
    EXPECT_GT(better, 2) << name;
  }
}

TEST(TightenBudget, ANodeLimitIsPassedByAtMostABatch) {
  const Problem problem = hard_problem();
  const Bounds start = bounds::make_alpha_crown()->compute(problem.network, problem.region());
  Bounds all = start;
  const std::int64_t whole = tighten(problem.network, problem.region(), {.nodes = 64}, all);
  ASSERT_GT(whole, 400);
  for (const std::int64_t limit : {0, 1, 100, 399}) {
    Bounds bounds = start;
    const std::int64_t spent = tighten(problem.network, problem.region(), {.nodes = 64, .node_limit = limit}, bounds);
    EXPECT_LE(spent, limit + 16);
    EXPECT_GE(spent, limit);
    EXPECT_TRUE(bounds.complete);  // no clock had a say
    EXPECT_TRUE(no_looser(bounds, start));
  }
}

/// As overflow makes them.
TEST(Branch, BoundsThatAreNotNumbersProveNothingAndEndNothing) {
  Problem problem = random_problem({4, 4, 4, 4, 3}, 2, 1.0);
  const problem::Region region = problem.region();
  const Bounds bounds = bounds::make_interval_box()->compute(problem.network, region);
  const Query query{.network = problem.network, .region = region, .objective = problem.objective(), .bounds = bounds};
  Bounding bounding(query, [](const Eigen::VectorXd&, double) {});
  Node node = bounding.roots().front();
  node.layers[0].slope.setConstant(std::nan(""));
  for (LayerState& layer : node.layers) layer.split_multiplier.setConstant(std::nan(""));
  Node* const one[] = {&node};
  bounding.improve(one, 5, -infinity);
  EXPECT_EQ(node.bound, infinity);
  bounding.refine(one);
  bounding.tighten_by_cutoff(one, -1.0);
  EXPECT_FALSE(std::isnan(node.bound));
  for (const LayerState& layer : node.layers) {
    EXPECT_FALSE(layer.bounds.lower.hasNaN());
    EXPECT_FALSE(layer.bounds.upper.hasNaN());
  }
}

}  // namespace
}  // namespace espalier::branch
