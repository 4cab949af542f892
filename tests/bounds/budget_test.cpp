// Bounds whose budget is spent at any moment: valid, and no looser than the kind below.
#include <gtest/gtest.h>

#include "bounds/methods.hpp"
#include "espalier/bounds/bounds.hpp"
#include "espalier/bounds/propagation.hpp"
#include "problem/reference.hpp"

namespace espalier::bounds {
namespace {

using espalier::testing::random_point;
using espalier::testing::random_problem;
using problem::Problem;

/// Spent at the k-th look, and counts them.
struct Looks {
  explicit Looks(std::int64_t k) : most(k) {}
  base::Budget budget() {
    return base::Budget(std::numeric_limits<double>::infinity(), [this] { return ++count > most; });
  }
  std::int64_t most;
  std::int64_t count = 0;
};

bool no_looser(const Bounds& bounds, const Bounds& than) {
  for (std::size_t k = 0; k < bounds.layers.size(); ++k) {
    if ((bounds.layers[k].lower.array() < than.layers[k].lower.array()).any()) return false;
    if ((bounds.layers[k].upper.array() > than.layers[k].upper.array()).any()) return false;
  }
  return true;
}

bool equal(const Bounds& a, const Bounds& b) { return no_looser(a, b) && no_looser(b, a); }

void expect_contains(const Bounds& bounds, const Problem& problem, const Eigen::VectorXd& x, const std::string& where) {
  const std::vector<Eigen::VectorXd> g = nn::pre_activations(problem.network, x);
  for (std::size_t k = 0; k < g.size(); ++k) {
    EXPECT_TRUE((g[k].array() >= bounds.layers[k].lower.array()).all()) << where << ", layer " << k;
    EXPECT_TRUE((g[k].array() <= bounds.layers[k].upper.array()).all()) << where << ", layer " << k;
  }
}

TEST(BoundsBudget, WheneverItIsSpentTheBoundsAreValidAndNoLooserThanTheKindBelow) {
  base::RandomStream random(1, "points");
  for (const Problem& problem :
       {random_problem({30, 40, 40, 5}, 1, 2.0), random_problem({10, 8, 8, 8, 3}, 2, 1.0, 0.3), random_problem({10, 4}, 3, 0.5)}) {
    std::vector<Eigen::VectorXd> points{problem.input};
    for (int i = 0; i < 20; ++i) points.push_back(random_point(problem.region(), random));
    Bounds below;  // the complete bounds of the kind below
    std::int64_t looks_below = 0;
    for (const auto& method : propagated_methods()) {
      const std::string name = method->name();
      const Bounds whole = method->compute(problem.network, problem.region());
      EXPECT_TRUE(whole.complete);
      Looks all(1'000'000);
      EXPECT_TRUE(equal(method->compute(problem.network, problem.region(), all.budget()), whole)) << name;
      const Bounds box = make_interval_box()->compute(problem.network, problem.region(), base::Budget(0));
      EXPECT_TRUE(box.complete);
      for (std::int64_t k = 0; k < all.count; ++k) {
        const std::string where = problem.name + " " + name + " after " + std::to_string(k);
        Looks some(k);
        const Bounds cut = method->compute(problem.network, problem.region(), some.budget());
        check(cut, problem.network, where);
        EXPECT_FALSE(cut.complete) << where;
        EXPECT_LE(some.count, k + 4) << where << ": it goes on";
        EXPECT_TRUE(no_looser(cut, box)) << where;
        if (k >= looks_below && name != "interval-box") {
          EXPECT_TRUE(no_looser(cut, below)) << where;
        }
        EXPECT_TRUE(no_looser(whole, cut)) << where;
        for (const Eigen::VectorXd& x : points) expect_contains(cut, problem, x, where);
      }
      looks_below = all.count;
      below = whole;
    }
  }
}

TEST(BoundsBudget, TheLargestMarginOfTheLogitsHolds) {
  const Problem problem = random_problem({10, 8, 8, 3}, 4, 1.0);
  base::RandomStream random(1, "points");
  const Bounds bounds = make_crown()->compute(problem.network, problem.region());
  for (int i = 0; i < 50; ++i) {
    const Eigen::VectorXd logits = nn::forward(problem.network, random_point(problem.region(), random));
    EXPECT_LE(problem.objective()(logits), largest_margin(bounds, problem.objective()));
  }
  const Bounds crafted{.layers = {{.lower = Eigen::Vector2d(-1, -2), .upper = Eigen::Vector2d(3, 4)}}};
  EXPECT_GT(largest_margin(crafted, nn::targeted(2, 0, 1)), 5);
  EXPECT_LT(largest_margin(crafted, nn::targeted(2, 0, 1)), 5 + 1e-14);
}

TEST(Propagation, OneRowOfLinesServesAllRowsForwardToo) {
  const Problem problem = random_problem({30, 12, 9, 5}, 7, 2.0);
  const Bounds bounds = make_interval()->compute(problem.network, problem.region());
  Propagation propagation(problem.network, problem.region(), bounds);
  const std::vector<Eigen::Index> neurons{0, 3, 4};
  const AffineRows rows = propagation.neuron_rows(2, neurons);
  const auto relaxation = [&](Eigen::Index copies) {
    return std::vector<LayerRelaxation>{make_relaxation(bounds.layers[0], copies), make_relaxation(bounds.layers[1], copies)};
  };
  BackwardPass shared_pass, own_pass;
  std::vector<Rows> shared, own;
  propagation.backward(rows, relaxation(1), shared_pass);
  propagation.relaxed_forward(shared_pass, relaxation(1), shared);
  propagation.backward(rows, relaxation(6), own_pass);
  propagation.relaxed_forward(own_pass, relaxation(6), own);
  ASSERT_EQ(shared.size(), 2U);
  for (std::size_t k = 0; k < 2; ++k) EXPECT_LT((shared[k] - own[k]).cwiseAbs().maxCoeff(), 1e-12) << k;
}

}  // namespace
}  // namespace espalier::bounds
