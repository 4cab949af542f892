#include "espalier/prune/prune.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "espalier/base/error.hpp"
#include "espalier/prune/criterion.hpp"
#include "espalier/train/initial.hpp"

namespace espalier::prune {
namespace {

using ::testing::HasSubstr;
using Shape = std::vector<Eigen::Index>;

nn::Network xavier_network(const std::vector<Eigen::Index>& widths, std::uint64_t seed = 1) {
  return train::initial_network(widths, train::Initialisation::xavier_uniform, seed);
}

constexpr double rates[] = {0.3, 0.5, 0.8, 0.9, 0.95};

std::int64_t kept_weights(const nn::Layer& layer) { return layer.mask.cast<std::int64_t>().sum(); }
std::int64_t kept_rows(const nn::Layer& layer) {
  std::int64_t count = 0;
  for (Eigen::Index i = 0; i < layer.outputs(); ++i) count += layer.mask.row(i).maxCoeff() != 0;
  return count;
}

template <class F>
std::string refusal(F f) {
  try {
    f();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::configuration);
    return error.what();
  }
  return "accepted";
}

TEST(StepCount, RoundsHalvesToEven) {
  EXPECT_EQ(step_count(0.5, 5), 2);
  EXPECT_EQ(step_count(0.5, 7), 4);
  EXPECT_EQ(step_count(0.5, 1), 0);
  EXPECT_EQ(step_count(0.25, 10), 2);
  EXPECT_EQ(step_count(0.25, 11), 3);
  EXPECT_EQ(step_count(0, 100), 0);
}

TEST(StepRate, CompoundsToTheRate) {
  for (const double rate : rates)
    for (const int steps : {1, 2, 5, 9}) EXPECT_NEAR(1 - std::pow(1 - step_rate(rate, steps), steps), rate, 1e-14);
}

/// Non-zero counts of the released results of Pham et al. 2025: layers of the shapes they used, rates .3, .5, .8, .9, .95.
struct Released {
  Eigen::Index inputs, outputs;
  std::vector<std::int64_t> kept;
};

class AnyCriterion : public ::testing::TestWithParam<std::string> {};

TEST_P(AnyCriterion, UnstructuredCountsAreTheReleasedOnes) {
  const Released released[] = {
      {784, 32, {17561, 12544, 5018, 2509, 1255}},  {32, 32, {716, 512, 205, 102, 51}},    {32, 10, {223, 161, 64, 32, 16}},
      {784, 64, {35123, 25088, 10035, 5017, 2509}}, {64, 64, {2867, 2048, 820, 409, 205}}, {64, 10, {448, 319, 128, 64, 32}}};
  for (const Released& r : released)
    for (std::size_t i = 0; i < std::size(rates); ++i) {
      const auto pruned = prune(xavier_network({r.inputs, r.outputs}), {.criterion = GetParam(), .rate = rates[i]});
      EXPECT_EQ(kept_weights(pruned.layers[0]), r.kept[i]) << r.inputs << "x" << r.outputs << " rate " << rates[i];
      EXPECT_EQ(pruned.nonzero_weights(), r.kept[i]);
      pruned.check();
    }
}

TEST_P(AnyCriterion, StructuredCountsAreTheReleasedOnes) {
  const Released released[] = {{20, 32, {22, 16, 7, 3, 2}}, {20, 64, {45, 32, 12, 6, 3}}, {20, 10, {7, 5, 2, 1, 1}}};
  for (const Released& r : released)
    for (std::size_t i = 0; i < std::size(rates); ++i) {
      const auto pruned =
          prune(xavier_network({r.inputs, r.outputs}), {.criterion = GetParam(), .structure = Structure::structured, .rate = rates[i]});
      EXPECT_EQ(kept_rows(pruned.layers[0]), r.kept[i]) << r.outputs << " rate " << rates[i];
      EXPECT_EQ(kept_weights(pruned.layers[0]), r.kept[i] * r.inputs);
      pruned.check();
    }
}

TEST_P(AnyCriterion, KeptWeightsAndAllBiasesAreUntouched) {
  const nn::Network network = xavier_network({12, 9, 7, 5});
  for (const Structure structure : {Structure::unstructured, Structure::structured}) {
    const nn::Network pruned = prune(network, {.criterion = GetParam(), .structure = structure, .rate = 0.6});
    for (std::size_t k = 0; k < 3; ++k) {
      const nn::Layer& before = network.layers[k];
      const nn::Layer& after = pruned.layers[k];
      EXPECT_EQ(after.bias, before.bias);
      for (Eigen::Index i = 0; i < before.weight.size(); ++i)
        EXPECT_EQ(after.weight.data()[i], after.mask.data()[i] ? before.weight.data()[i] : 0.0f);
    }
  }
}

TEST_P(AnyCriterion, StepsOnlyAddToTheMask) {
  nn::Network network = xavier_network({12, 9, 7});
  const PruneOptions options{.criterion = GetParam(), .rate = 0.7};
  for (int step = 0; step < options.steps; ++step) {
    const nn::Network before = network;
    prune_step(network, options, step);
    for (std::size_t k = 0; k < 2; ++k) {
      if (before.layers[k].masked()) {
        EXPECT_TRUE((network.layers[k].mask.array() <= before.layers[k].mask.array()).all());
      }
      EXPECT_LT(kept_weights(network.layers[k]),
                before.layers[k].masked() ? kept_weights(before.layers[k]) : before.layers[k].weight.size());
    }
  }
}

TEST_P(AnyCriterion, OutputLayerCanBeSpared) {
  const nn::Network pruned = prune(xavier_network({12, 9, 7}), {.criterion = GetParam(), .rate = 0.9, .prune_output = false});
  EXPECT_LT(pruned.layers[0].weight.cwiseAbs().minCoeff(), 1e-30f);
  EXPECT_FALSE(pruned.layers[1].masked());
  EXPECT_EQ(pruned.layers[1].weight, xavier_network({12, 9, 7}).layers[1].weight);
}

TEST_P(AnyCriterion, WeightsMatterOnlyIfItSaysSo) {
  const auto masks = [&](std::uint64_t network_seed, Structure structure) {
    return prune(xavier_network({12, 9}, network_seed), {.criterion = GetParam(), .structure = structure}).layers[0].mask;
  };
  const bool depends = make_criterion(GetParam())->depends_on_weights();
  for (const Structure structure : {Structure::unstructured, Structure::structured})
    EXPECT_EQ(masks(1, structure) != masks(2, structure), depends);
}

INSTANTIATE_TEST_SUITE_P(Registry, AnyCriterion, ::testing::ValuesIn(criterion_names()), [](const auto& i) { return i.param; });

TEST(Magnitude, PrunesTheSmallestAbsoluteWeightsOfEachLayer) {
  nn::Network network = xavier_network({3, 2, 2});
  network.layers[0].weight << 3, -1, 2, -0.5f, 5, -4;
  network.layers[1].weight << 100, 30, -20, 70;
  const nn::Network pruned = prune(network, {.rate = 0.5, .steps = 1});
  EXPECT_EQ(pruned.layers[0].mask, (nn::Mask{{1, 0, 0}, {0, 1, 1}}));
  EXPECT_EQ(pruned.layers[1].mask, (nn::Mask{{1, 0}, {0, 1}}));
}

TEST(Magnitude, TiesGoToTheLowerIndex) {
  nn::Network network = xavier_network({4, 1});
  network.layers[0].weight << 1, -1, 1, -1;
  EXPECT_EQ(prune(network, {.rate = 0.5, .steps = 1}).layers[0].mask, (nn::Mask{{0, 0, 1, 1}}));
}

TEST(Magnitude, RanksRowsByTheSumOfAbsoluteWeightsWithoutBias) {
  nn::Network network = xavier_network({2, 4});
  network.layers[0].weight << 3, 0, -1, -1, 2, 2, 0, 1;  // row norms 3, 2, 4, 1; by the 2-norm rows 0 and 2 would change places
  network.layers[0].bias << 0, 1000, 0, 0;
  const nn::Network pruned = prune(network, {.structure = Structure::structured, .rate = 0.75, .steps = 1});
  EXPECT_EQ(pruned.layers[0].mask, (nn::Mask{{0, 0}, {0, 0}, {1, 1}, {0, 0}}));
  EXPECT_EQ(pruned.layers[0].bias[1], 1000);
}

TEST(Magnitude, NormsSeeTheUnprunedPartOfARowOnly) {
  nn::Network network = xavier_network({2, 3});
  network.layers[0].weight << 0, 2, 3, 3, 1, 0;
  network.layers[0].mask = nn::Mask{{0, 1}, {1, 1}, {1, 0}};
  const nn::Network pruned = prune(network, {.structure = Structure::structured, .rate = 0.3, .steps = 1});
  EXPECT_EQ(pruned.layers[0].mask, (nn::Mask{{0, 1}, {1, 1}, {0, 0}}));
}

TEST(Random, SeedsStepsAndLayersDiffer) {
  const nn::Network network = xavier_network({30, 30, 30});
  const auto masks = [&](std::uint64_t seed, int step) {
    nn::Network pruned = network;
    prune_step(pruned, {.criterion = "random", .seed = seed}, step);
    return std::pair(pruned.layers[0].mask, pruned.layers[1].mask);
  };
  EXPECT_EQ(masks(1, 0), masks(1, 0));
  EXPECT_NE(masks(1, 0).first, masks(2, 0).first);
  EXPECT_NE(masks(1, 0).first, masks(1, 1).first);
  EXPECT_NE(masks(1, 0).first, masks(1, 0).second);
}

TEST(Random, EveryWeightIsAsLikely) {
  Eigen::ArrayXd kept = Eigen::ArrayXd::Zero(10);
  for (std::uint64_t seed = 0; seed < 4000; ++seed)
    kept += prune(xavier_network({10, 1}), {.criterion = "random", .rate = 0.5, .steps = 1, .seed = seed})
                .layers[0]
                .mask.row(0)
                .cast<double>()
                .array();
  EXPECT_LE((kept / 4000 - 0.5).abs().maxCoeff(), 4 * 0.5 / std::sqrt(4000.0));
}

TEST(Prune, RefusesIllegalOptions) {
  nn::Network network = xavier_network({4, 3});
  const auto message = [&](PruneOptions options) { return refusal([&] { prune(network, options); }); };
  EXPECT_EQ(message({.rate = 1}), "pruning: expected a rate in [0, 1), found 1");
  EXPECT_THAT(message({.rate = -0.1}), HasSubstr("expected a rate"));
  EXPECT_THAT(message({.rate = std::numeric_limits<double>::quiet_NaN()}), HasSubstr("expected a rate"));
  EXPECT_EQ(message({.steps = 0}), "pruning: expected at least 1 step, found 0");
  EXPECT_EQ(message({.criterion = "magnitud"}),
            "pruning criterion: expected one of magnitude, random, found 'magnitud' (did you mean 'magnitude'?)");
  EXPECT_EQ(refusal([&] { prune_step(network, {}, 5); }), "pruning: expected a step from 0 to 4, found 5");
}

TEST(Prune, RateZeroLeavesEveryWeight) { EXPECT_EQ(prune(xavier_network({4, 3}), {.rate = 0}).nonzero_weights(), 12); }

}  // namespace
}  // namespace espalier::prune
