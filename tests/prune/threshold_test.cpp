#include "espalier/prune/threshold.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "espalier/base/error.hpp"
#include "espalier/train/initial.hpp"

namespace espalier::prune {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// 2 x 2 images whose brighter half decides: the class is 1 if the first pixel is brighter than the last, else 0.
data::Samples samples() {
  data::Samples s{.side = 2, .pixels = {}, .labels = {}};
  for (int a = 0; a < 20; ++a)
    for (int b = 0; b < 20; ++b) {
      if (a == b) continue;
      for (const int pixel : {a * 12, 0, 0, b * 12}) s.pixels.push_back(static_cast<std::uint8_t>(pixel));
      s.labels.push_back(a > b);
    }
  return s;
}

/// Right on every sample by its first two neurons, of size 1; the third has weights of `small`, and so has its way on.
nn::Network network(float small) {
  nn::Network n = train::initial_network({4, 3, 2}, train::Initialisation::fan_in, 0);
  n.layers[0].weight << 1, 0, 0, -1, -1, 0, 0, 1, small, small, small, small;
  n.layers[0].bias << 0, 0, small;
  n.layers[1].weight << 0, 1, small, 1, 0, small;
  n.layers[1].bias << 0, 0;
  return n;
}

TEST(Threshold, BisectionFindsTheLargestThatKeepsTheAccuracy) {
  const ThresholdResult result = prune_by_threshold(network(0.01f), samples());
  EXPECT_EQ(result.train_accuracy, 1);
  ASSERT_EQ(result.trials.size(), 6u);
  EXPECT_EQ(result.trials[0].threshold, 0.05);
  EXPECT_TRUE(result.trials[0].accepted) << "all that matters is of size 1";
  EXPECT_DOUBLE_EQ(result.trials[1].threshold, 0.075);
  EXPECT_DOUBLE_EQ(result.threshold, 0.1 - 0.1 / 64);
  EXPECT_EQ(result.network.layers[0].mask.rowwise().maxCoeff().cast<int>(), Eigen::Vector3i(1, 1, 0));
  EXPECT_EQ(result.network.layers[0].bias[2], 0);
  EXPECT_EQ(result.network.layers[1].weight(0, 2), 0.01f) << "a surviving row gets all its weights back";
  result.network.check();
}

TEST(Threshold, TheSearchPathOfTheReferenceRun) {
  // Method notes 3.4: .05x .025x .0125x .00625x .003125ok .0046875ok: weights that matter at 0.005.
  nn::Network scaled = network(0);
  scaled.layers[0].weight *= 0.005f;
  const ThresholdResult result = prune_by_threshold(scaled, samples());
  std::vector<double> thresholds;
  std::vector<bool> accepted;
  for (const ThresholdTrial& trial : result.trials) thresholds.push_back(trial.threshold), accepted.push_back(trial.accepted);
  EXPECT_THAT(thresholds, ::testing::Pointwise(::testing::DoubleEq(), {0.05, 0.025, 0.0125, 0.00625, 0.003125, 0.0046875}));
  EXPECT_THAT(accepted, ::testing::ElementsAre(false, false, false, false, true, true));
  EXPECT_DOUBLE_EQ(result.threshold, 0.0046875);
}

TEST(Threshold, NothingAcceptedPrunesOnlyWhatIsZero) {
  nn::Network tiny = network(0);
  tiny.layers[0].weight *= 1e-4f;
  const ThresholdResult result = prune_by_threshold(tiny, samples());
  EXPECT_EQ(result.threshold, 0);
  EXPECT_EQ(result.network.layers[0].mask.rowwise().maxCoeff().cast<int>(), Eigen::Vector3i(1, 1, 0));
}

TEST(Threshold, RowsSurviveByTheirShareOfWeights) {
  // Row 0 keeps 1 of 4 weights above any threshold.
  nn::Network n = network(0);
  n.layers[0].weight.row(0) << 1, 0.01f, 0.01f, -0.01f;
  const auto kept = [&](double fraction) {
    return prune_by_threshold(n, samples(), {.tolerance = 1, .row_fraction = fraction}).network.layers[0].mask(0, 0) != 0;
  };
  EXPECT_TRUE(kept(0.2));
  EXPECT_FALSE(kept(0.25)) << "more than the share, not as much";
}

TEST(Threshold, AHiddenLayerNeverVanishes) {
  nn::Network n = network(0.01f);
  n.layers[0].weight *= 0.01f;
  const ThresholdResult result = prune_by_threshold(n, samples(), {.tolerance = 1});
  EXPECT_EQ(result.network.layers[0].mask.rowwise().maxCoeff().cast<int>().sum(), 1);
  result.network.check();
}

TEST(Threshold, TheOutputLayerIsLeftAloneOnRequest) {
  nn::Network n = network(0.01f);
  n.layers[1].bias[0] = 0.001f;
  const ThresholdResult result = prune_by_threshold(n, samples(), {.prune_output = false});
  EXPECT_FALSE(result.network.layers[1].masked());
  EXPECT_EQ(result.network.layers[1].bias[0], 0.001f);
}

TEST(Threshold, RefusesIllegalOptions) {
  const auto run = [](const ThresholdOptions& options) { return [options] { prune_by_threshold(network(0), samples(), options); }; };
  EXPECT_THAT(run({.tolerance = -1}), ThrowsMessage<base::Error>(HasSubstr("expected a tolerance in [0, 1], found -1")));
  EXPECT_THAT(run({.row_fraction = 1}), ThrowsMessage<base::Error>(HasSubstr("expected a row_fraction in [0, 1), found 1")));
  EXPECT_THAT(run({.largest_threshold = 0}), ThrowsMessage<base::Error>(HasSubstr("expected a largest_threshold above 0")));
  EXPECT_THAT(run({.steps = 0}), ThrowsMessage<base::Error>(HasSubstr("expected steps of at least 1, found 0")));
}

}  // namespace
}  // namespace espalier::prune
