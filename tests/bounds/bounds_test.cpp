#include "espalier/bounds/bounds.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bounds/interval.hpp"
#include "bounds/methods.hpp"
#include "problem/reference.hpp"

namespace espalier::bounds {
namespace {

using espalier::testing::random_point;
using espalier::testing::random_problem;
using espalier::testing::within_random_box;
using problem::Problem;

/// Pre-activations at x lie in the bounds, without any tolerance: the padding must be enough.
void expect_contains(const Bounds& bounds, const nn::Network& network, const Eigen::VectorXd& x, const std::string& where) {
  const std::vector<Eigen::VectorXd> g = nn::pre_activations(network, x);
  ASSERT_EQ(bounds.layers.size(), g.size());
  for (std::size_t k = 0; k < g.size(); ++k) {
    EXPECT_TRUE((g[k].array() >= bounds.layers[k].lower.array()).all()) << where << ", layer " << k;
    EXPECT_TRUE((g[k].array() <= bounds.layers[k].upper.array()).all()) << where << ", layer " << k;
  }
}

/// Networks of all shapes: deep, wide, without hidden layers, heavily pruned.
std::vector<Problem> assorted_problems() {
  return {random_problem({30, 12, 12, 5}, 1, 2.0),
          random_problem({30, 12, 12, 5}, 2, 0.01, 0.7),
          random_problem({10, 4}, 3, 0.5),
          random_problem({40, 8, 8, 8, 8, 3}, 4, 4.0, 0.3),
          random_problem({30, 12, 12, 5}, 5, 100.0),
          random_problem({20, 30, 30, 10}, 6, 1.0, 0.95),
          within_random_box(random_problem({30, 12, 12, 5}, 7, 1), problem::Norm::l1, 2.0),
          within_random_box(random_problem({20, 12, 12, 5}, 8, 1), problem::Norm::linf, 0.2),
          within_random_box(random_problem({25, 12, 12, 5}, 10, 1), problem::Norm::row_wise, 1.2),
          within_random_box(random_problem({25, 12, 12, 5}, 11, 1), problem::Norm::l2, 1.2),
          within_random_box(random_problem({10, 8, 8, 8, 3}, 9, 1), problem::Norm::none, 0)};
}

TEST(Bounds, ContainTheActivationsAtTheOptimalInputOfEveryReferenceProblem) {
  for (const auto& method : propagated_methods()) {
    for (const Problem& problem : espalier::testing::reference_problems()) {
      const Bounds bounds = method->compute(problem.network, problem.region());
      expect_contains(bounds, problem.network, *problem.optimal_input, method->name() + " " + problem.name);
      expect_contains(bounds, problem.network, problem.input, method->name() + " " + problem.name);
      EXPECT_GE(largest_margin(bounds, problem.objective()), *problem.optimum) << problem.name;
    }
  }
}

/// Points that push single pre-activations to their extremes: steps of Frank-Wolfe along the gradient of g_(layer, neuron), with its sign.
std::vector<Eigen::VectorXd> pushed_points(const Problem& problem, std::size_t layer, Eigen::Index neuron) {
  std::vector<Eigen::VectorXd> points;
  for (const double sign : {1.0, -1.0}) {
    Eigen::VectorXd x = problem.input;
    for (int step = 0; step < 3; ++step) {
      const std::vector<Eigen::VectorXd> g = nn::pre_activations(problem.network, x);
      Eigen::RowVectorXd gradient = sign * problem.network.layers[layer].weight.row(neuron).cast<double>();
      for (std::size_t j = layer; j-- > 0;) {
        gradient = (gradient.array() * (g[j].array() > 0).cast<double>().transpose()).matrix().eval();
        gradient = (gradient * problem.network.layers[j].weight.cast<double>()).eval();
      }
      x = problem::maximise_linear(problem.region(), gradient.transpose()).maximiser;
      points.push_back(x);
    }
  }
  return points;
}

TEST(Bounds, ContainSampledAndPushedPointsOfTheRegion) {
  base::RandomStream random(1, "points");
  std::vector<Problem> problems = assorted_problems();
  problems.insert(problems.end(), espalier::testing::reference_problems().begin(), espalier::testing::reference_problems().end());
  for (const auto& method : propagated_methods()) {
    for (const Problem& problem : problems) {
      const Bounds bounds = method->compute(problem.network, problem.region());
      for (int i = 0; i < 100; ++i)
        expect_contains(bounds, problem.network, random_point(problem.region(), random), method->name() + " " + problem.name);
      for (std::size_t layer = 0; layer < problem.network.layers.size(); ++layer) {
        for (Eigen::Index neuron = 0; neuron < problem.network.layers[layer].outputs(); neuron += 5) {
          for (const Eigen::VectorXd& x : pushed_points(problem, layer, neuron))
            expect_contains(bounds, problem.network, x, method->name() + " " + problem.name);
        }
      }
    }
  }
}

double mean_width(const LayerBounds& bounds) { return (bounds.upper - bounds.lower).mean(); }

TEST(Bounds, TheMethodsAreOrderedByTightness) {
  std::vector<Problem> problems = assorted_problems();
  problems.insert(problems.end(), espalier::testing::reference_problems().begin(), espalier::testing::reference_problems().end());
  std::vector<double> widths(propagated_methods().size(), 0.0);  // of the logits, summed over the reference problems
  std::vector<std::int64_t> open(widths.size(), 0);
  for (const Problem& problem : problems) {
    std::vector<Bounds> all;
    for (const auto& method : propagated_methods()) all.push_back(method->compute(problem.network, problem.region()));
    for (std::size_t m = 1; m < all.size(); ++m) {
      for (std::size_t k = 0; k < problem.network.layers.size(); ++k) {
        EXPECT_TRUE((all[m].layers[k].lower.array() >= all[m - 1].layers[k].lower.array()).all()) << m << problem.name << ", layer " << k;
        EXPECT_TRUE((all[m].layers[k].upper.array() <= all[m - 1].layers[k].upper.array()).all()) << m << problem.name << ", layer " << k;
        EXPECT_TRUE((all[m].layers[k].lower.array() <= all[m].layers[k].upper.array()).all()) << m << problem.name << ", layer " << k;
      }
    }
    if (!problem.optimum) continue;
    for (std::size_t m = 0; m < all.size(); ++m) {
      widths[m] += mean_width(all[m].layers.back());
      open[m] += count_relu_cases(all[m]).unstable;
    }
  }
  // Measured: logits' mean widths 5796, 1082, 318, 271; unstable neurons 848, 656, 567, 560.
  EXPECT_LT(widths[1], 0.25 * widths[0]);
  EXPECT_LT(widths[2], 0.35 * widths[1]);
  EXPECT_LT(widths[3], 0.9 * widths[2]);
  EXPECT_LT(open[1], open[0]);
  EXPECT_LT(open[2], open[1]);
  EXPECT_LT(open[3], open[2]);
}

TEST(Bounds, BoxContainsSampledPointsOfTheBoxAndItsCorners) {
  base::RandomStream random(2, "points");
  for (const Problem& problem : assorted_problems()) {
    const problem::Region region = problem.region();
    const Bounds bounds = make_interval_box()->compute(problem.network, region);
    for (int i = 0; i < 300; ++i) {
      const problem::Box& box = region.box;
      Eigen::VectorXd x(problem.input.size());
      for (double& value : x) value = i % 2 ? random.uniform() : static_cast<double>(random.below(2));
      x = box.lower + x.cwiseProduct(box.upper - box.lower);
      expect_contains(bounds, problem.network, x, problem.name);
    }
  }
}

TEST(Bounds, L1IsNeverLooserThanBoxAndEqualsItWhenTheBudgetIsLarge) {
  std::vector<Problem> problems = assorted_problems();
  problems.insert(problems.end(), espalier::testing::reference_problems().begin(), espalier::testing::reference_problems().end());
  for (const Problem& problem : problems) {
    const Bounds box = make_interval_box()->compute(problem.network, problem.region());
    const Bounds l1 = make_interval()->compute(problem.network, problem.region());
    problem::Region large = problem.region();
    if (large.has_budget()) large.radius = magnitude(large.box).sum();
    const Bounds whole_box = make_interval()->compute(problem.network, large);
    for (std::size_t k = 0; k < box.layers.size(); ++k) {
      EXPECT_TRUE((l1.layers[k].lower.array() >= box.layers[k].lower.array()).all()) << problem.name << ", layer " << k;
      EXPECT_TRUE((l1.layers[k].upper.array() <= box.layers[k].upper.array()).all()) << problem.name << ", layer " << k;
      EXPECT_TRUE(whole_box.layers[k].lower.isApprox(box.layers[k].lower, 1e-12)) << problem.name << ", layer " << k;
      EXPECT_TRUE(whole_box.layers[k].upper.isApprox(box.layers[k].upper, 1e-12)) << problem.name << ", layer " << k;
    }
  }
}

TEST(Bounds, FirstLayerOfL1IsAttainedAtAPointOfTheRegion) {
  std::vector<Problem> problems = assorted_problems();
  problems.insert(problems.end(), espalier::testing::reference_problems().begin(), espalier::testing::reference_problems().end());
  for (const Problem& problem : problems) {
    const problem::Region region = problem.region();
    const nn::Layer& layer = problem.network.layers.front();
    const LayerBounds first = make_interval()->compute(problem.network, region).layers.front();
    for (Eigen::Index i = 0; i < layer.outputs(); ++i) {
      const Eigen::VectorXd w = layer.weight.row(i).cast<double>();
      const Eigen::VectorXd highest = problem::maximise_linear(region, w).maximiser,
                            lowest = problem::maximise_linear(region, -w).maximiser;
      ASSERT_TRUE(contains(region, highest, 1e-12) && contains(region, lowest, 1e-12));
      EXPECT_NEAR(w.dot(highest) + static_cast<double>(layer.bias[i]), first.upper[i], 1e-11) << problem.name;
      EXPECT_NEAR(w.dot(lowest) + static_cast<double>(layer.bias[i]), first.lower[i], 1e-11) << problem.name;
    }
  }
}

TEST(Bounds, IntervalsOfAHandComputedNetwork) {
  nn::Network network;
  network.layers.push_back(
      {.weight = (nn::WeightMatrix(2, 2) << 1, -2, 0, 0).finished(), .bias = Eigen::Vector2f(0.5F, -0.25F), .mask = {}});
  network.layers.push_back(
      {.weight = (nn::WeightMatrix(1, 2) << -3, 1).finished(), .bias = Eigen::VectorXf::Constant(1, 1.0F), .mask = {}});
  const problem::Region region = problem::l1_region(Eigen::Vector2d(0.5, 0.25), 0.25);
  const Bounds box = make_interval_box()->compute(network, region);
  EXPECT_NEAR(box.layers[0].lower[0], -1.5, 1e-14);
  EXPECT_NEAR(box.layers[0].upper[0], 1.5, 1e-14);
  EXPECT_NEAR(box.layers[1].lower[0], 1 - 3 * 1.5, 1e-13);
  EXPECT_NEAR(box.layers[1].upper[0], 1, 1e-14);
  // Budget 0.25 on the steeper pixel: 0.5 + 0.5 - 0.5 -+ 2 * 0.25.
  const Bounds l1 = make_interval()->compute(network, region);
  EXPECT_NEAR(l1.layers[0].lower[0], 0.0, 1e-14);
  EXPECT_NEAR(l1.layers[0].upper[0], 1.0, 1e-14);
  // A neuron without weights is exactly its bias.
  EXPECT_EQ(l1.layers[0].lower[1], -0.25);
  EXPECT_EQ(l1.layers[0].upper[1], -0.25);
}

TEST(Bounds, PaddingGrowsWithTheNumberOfTermsAndIsZeroForNone) {
  EXPECT_EQ(padding_factor(0), 0.0);
  EXPECT_GE(padding_factor(784), 784 * 0x1.0p-53);
  EXPECT_LT(padding_factor(784), 1e-12);
}

TEST(Bounds, AWrongDimensionIsRefused) {
  const Problem problem = random_problem({6, 4, 3}, 1, 0.5);
  const problem::Region other = problem::l1_region(Eigen::VectorXd::Zero(5), 1);
  EXPECT_THROW(make_interval_box()->compute(problem.network, other), base::Error);
}

TEST(ReluCases, AreNamedByTheSignsOfTheBounds) {
  EXPECT_EQ(classify(-1, 1), ReluCase::unstable);
  EXPECT_EQ(classify(0, 1), ReluCase::stably_active);
  EXPECT_EQ(classify(0.5, 1), ReluCase::stably_active);
  EXPECT_EQ(classify(-1, 0), ReluCase::stably_inactive);
  EXPECT_EQ(classify(-1, -0.5), ReluCase::stably_inactive);
  EXPECT_EQ(classify(0.5, 0.5), ReluCase::constant);
  EXPECT_EQ(classify(0, 0), ReluCase::constant);
  EXPECT_EQ(to_string(ReluCase::stably_active), "stably_active");
}

TEST(ReluCases, AreCountedOverHiddenLayersOnly) {
  const Bounds bounds{.layers = {{.lower = Eigen::Vector4d(-1, 0, -2, 3), .upper = Eigen::Vector4d(1, 1, -1, 3)},
                                 {.lower = Eigen::Vector2d(-1, -1), .upper = Eigen::Vector2d(1, 2)},
                                 {.lower = Eigen::Vector2d(-9, -9), .upper = Eigen::Vector2d(9, 9)}}};
  const ReluCounts counts = count_relu_cases(bounds);
  EXPECT_EQ(counts.unstable, 3);
  EXPECT_EQ(counts.stably_active, 1);
  EXPECT_EQ(counts.stably_inactive, 1);
  EXPECT_EQ(counts.constant, 1);
  EXPECT_EQ(unstable_by_layer(bounds), (std::vector<std::int64_t>{1, 2}));
}

}  // namespace
}  // namespace espalier::bounds
