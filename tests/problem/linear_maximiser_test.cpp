#include "espalier/problem/linear_maximiser.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "problem/reference.hpp"

namespace espalier::problem {
namespace {

using espalier::testing::random_image;

/// The knapsack as in a textbook: all pixels sorted.
double by_sorting(const Region& region, const std::vector<double>& w) {
  std::vector<std::size_t> order(w.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return std::abs(w[a]) > std::abs(w[b]); });
  double value = 0, budget = region.radius;
  for (const std::size_t k : order) {
    const double x = region.centre[static_cast<Eigen::Index>(k)];
    const double step = std::min(budget, w[k] > 0 ? 1 - x : x);
    value += std::abs(w[k]) * step;
    budget -= step;
  }
  return value;
}

void expect_maximum(LinearMaximiser& maximiser, const Region& region, const std::vector<double>& w) {
  const double value = maximiser.maximise(w);
  EXPECT_NEAR(value, by_sorting(region, w), 1e-12 * (1 + value));
  Eigen::VectorXd x = region.centre;
  double attained = 0;
  for (const Step& step : maximiser.steps()) {
    x[step.pixel] += step.change;
    attained += w[static_cast<std::size_t>(step.pixel)] * step.change;
  }
  EXPECT_NEAR(attained, value, 1e-12 * (1 + value));
  EXPECT_TRUE(contains(region, x, 1e-12));
}

TEST(LinearMaximiser, AgreesWithSortingForAllSizesRadiiAndWeights) {
  base::RandomStream random(1, "weights");
  for (const Eigen::Index pixels : {1, 2, 15, 16, 17, 100, 784}) {
    for (const double radius : {1e-3, 0.7, 5.0, 1e4}) {
      const Region region = l1_region(random_image(pixels, random), radius);
      LinearMaximiser maximiser(region);
      for (int repetition = 0; repetition < 20; ++repetition) {
        std::vector<double> w(static_cast<std::size_t>(pixels));
        // Ties, zeros and a range of magnitudes, one kind after the other.
        for (double& value : w) {
          value = random.uniform(-1, 1);
          if (repetition % 4 == 1) value = std::round(3 * value);
          if (repetition % 4 == 2) value = value * value * value * value * value;
          if (repetition % 4 == 3) value = random.uniform() < 0.9 ? 0.0 : 1e-30 * value;
        }
        expect_maximum(maximiser, region, w);
      }
    }
  }
}

TEST(LinearMaximiser, NoWeightsNoStepsAndTheRoomIsRespected) {
  const Region region = l1_region(Eigen::Vector3d(0, 1, 0.5), 2);
  LinearMaximiser maximiser(region);
  EXPECT_EQ(maximiser.maximise(std::vector<double>{0, 0, 0}), 0);
  EXPECT_TRUE(maximiser.steps().empty());
  EXPECT_EQ(maximiser.maximise(std::vector<double>{-9, 9, 1}), 0.5);  // pixels 0 and 1 are at the box already
  ASSERT_EQ(maximiser.steps().size(), 1U);
  EXPECT_EQ(maximiser.steps()[0].pixel, 2);
  EXPECT_EQ(maximiser.steps()[0].change, 0.5);
}

TEST(LinearMaximiser, SubnormalWeightsAreWeightsToo) {
  const Region region = l1_region(Eigen::VectorXd::Constant(20, 0.5), 0.75);
  LinearMaximiser maximiser(region);
  std::vector<double> w(20, 1e-310);
  w[7] = 4e-310;
  EXPECT_GT(maximiser.maximise(w), 0);
  ASSERT_EQ(maximiser.steps().size(), 2U);
  EXPECT_EQ(maximiser.steps()[0].pixel, 7);
}

TEST(LinearMaximiser, TiesGoToTheLowerIndex) {
  const Region region = l1_region(Eigen::VectorXd::Constant(40, 0.0), 2.5);
  LinearMaximiser maximiser(region);
  maximiser.maximise(std::vector<double>(40, 1.0));
  std::vector<Eigen::Index> pixels;
  for (const Step& step : maximiser.steps()) pixels.push_back(step.pixel);
  EXPECT_THAT(pixels, ::testing::UnorderedElementsAre(0, 1, 2));
}

TEST(LinearMaximiser, AWrongLengthIsRefused) {
  LinearMaximiser maximiser(l1_region(Eigen::Vector2d(0.5, 0.5), 1));
  EXPECT_THROW(maximiser.maximise(std::vector<double>{1}), base::Error);
}

}  // namespace
}  // namespace espalier::problem
