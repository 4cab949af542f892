#include "espalier/reduce/compress.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "espalier/base/error.hpp"
#include "problem/reference.hpp"
#include "reduce/rounding.hpp"

namespace espalier::reduce {
namespace {

using espalier::testing::forward_rounding;
using espalier::testing::random_network;
using espalier::testing::random_point;
using espalier::testing::reference_problems;

void expect_equal_at(const nn::Network& network, const Compression& small, const Eigen::VectorXd& x, const std::string& where) {
  const Eigen::VectorXd difference = (nn::forward(network, x) - nn::forward(small.network, x)).cwiseAbs();
  const Eigen::VectorXd allowed = small.deviation + forward_rounding(network, x) + forward_rounding(small.network, x);
  for (Eigen::Index i = 0; i < difference.size(); ++i) EXPECT_LE(difference[i], allowed[i]) << where << ", logit " << i;
}

/// Random points, half of them on the region's boundary, and the points of the region where each logit is extreme for the linear piece at
/// x0.
void expect_equal_on(const problem::Region& region, const nn::Network& network, const Compression& small, const std::string& where) {
  small.network.check();
  expect_equal_at(network, small, region.centre, where);
  base::RandomStream random(1, "points");
  for (int i = 0; i < 100; ++i) expect_equal_at(network, small, random_point(region, random), where);
  for (int i = 0; i < 40; ++i) {
    Eigen::VectorXd direction(region.dimension());
    for (double& d : direction) d = random.uniform(-1, 1);
    const Eigen::VectorXd x = problem::maximise_linear(region, direction).maximiser;
    const double reach = region.centre.cwiseMax((1 - region.centre.array()).matrix()).sum();
    EXPECT_NEAR(problem::distance(problem::Norm::l1, x, region.centre),
                std::min(region.radius, problem::distance(problem::Norm::l1, x, region.centre)), 1e-9);
    EXPECT_LE(problem::distance(problem::Norm::l1, x, region.centre), std::min(region.radius, reach) + 1e-9);
    expect_equal_at(network, small, x, where);
  }
}

bounds::Bounds bounds_of(const nn::Network& network, const problem::Region& region) {
  return bounds::make_crown()->compute(network, region);
}

Compression over_box(const nn::Network& network) {
  return compress(network, bounds::make_interval_box()->compute(network, problem::box_region(problem::unit_box(network.inputs()))));
}

/// Biases that put most neurons on one side for good.
nn::Network with_stable_neurons(std::vector<int> widths, std::uint64_t seed, float size) {
  nn::Network network = random_network(widths, seed);
  for (nn::Layer& layer : network.layers) layer.bias *= size;
  return network;
}

TEST(Compress, RandomNetworksComputeTheSameOverTheBoxAndOverBalls) {
  const std::vector<std::vector<int>> shapes{{6, 20, 15, 3}, {3, 12, 12, 12, 4}, {30, 8, 25, 2}, {12, 40, 5}, {5, 9, 1, 9, 2}, {7, 3}};
  CompressedLayer all;
  for (const auto& shape : shapes)
    for (std::uint64_t seed = 0; seed < 6; ++seed)
      for (const float size : {1.0f, 5.0f, 20.0f, 60.0f})
        for (const double radius : {0.5, 1e9}) {
          const nn::Network network = with_stable_neurons(shape, seed, size);
          problem::Region region = problem::box_region(problem::unit_box(network.inputs()));
          region.radius = std::min(region.radius, radius);
          const Compression small = compress(network, bounds_of(network, region));
          const std::string where =
              fmt::format("{} -> {}, seed {}, biases {}", nn::architecture(network), nn::architecture(small.network), seed, size);
          expect_equal_on(region, network, small, where);
          EXPECT_LE(small.network.parameter_count(), network.parameter_count()) << where;
          std::int64_t before = 0, after = 0;
          for (std::size_t k = 0; k < network.hidden_layers(); ++k) before += network.layers[k].outputs();
          for (std::size_t k = 0; k < small.network.hidden_layers(); ++k) after += small.network.layers[k].outputs();
          EXPECT_EQ(before - after, small.removed()) << where;
          for (const CompressedLayer& layer : small.layers) {
            all.off += layer.off;
            all.constant += layer.constant;
            all.unread += layer.unread;
            all.folded += layer.folded;
          }
          // Once more finds no neuron that the first time should have removed: what folding made is proven linear again.
          const Compression again = compress(small.network, bounds_of(small.network, region));
          EXPECT_EQ(nn::architecture(again.network), nn::architecture(small.network)) << where;
        }
  for (const std::int64_t count : {all.off, all.constant, all.unread, all.folded}) EXPECT_GT(count, 0) << "a case that never occurred";
}

nn::Network small_network(const std::vector<std::pair<Eigen::MatrixXf, Eigen::VectorXf>>& layers) {
  nn::Network network;
  for (const auto& [weight, bias] : layers) network.layers.push_back({.weight = weight, .bias = bias, .mask = {}});
  network.check();
  return network;
}

TEST(Compress, AnOffNeuronGoesWithItsRowAndColumn) {
  const nn::Network network = small_network({{Eigen::Matrix<float, 2, 2>{{1, -2}, {3, 4}}, Eigen::Vector2f(0.5, -8)},
                                             {Eigen::Matrix<float, 1, 2>{{1, 10}}, Eigen::Matrix<float, 1, 1>(2)}});
  const Compression small = over_box(network);
  EXPECT_EQ(small.network.layers[0].weight, (Eigen::Matrix<float, 1, 2>{{1, -2}}));
  EXPECT_EQ(small.network.layers[1].weight, (Eigen::Matrix<float, 1, 1>(1)));
  EXPECT_EQ(small.layers[0].off, 1);
  EXPECT_NEAR(small.smallest_slack, 1, 1e-12) << "3 + 4 - 8 = -1";
  EXPECT_EQ(small.deviation[0], 0) << "nothing was rounded";
}

/// `on` neurons that are stably active and one that is not, on `inputs` inputs, read by `outputs`.
nn::Network with_always_on(int inputs, int on, int outputs) {
  nn::Network network = random_network({inputs, on + 1, outputs}, 3);
  network.layers[0].bias.setConstant(static_cast<float>(inputs) + 1);
  network.layers[0].bias[0] = 0;
  network.layers[0].weight(0, 0) = 1;
  network.layers[0].weight(0, 1) = -1;
  return network;
}

TEST(Compress, ManyLinearNeuronsBecomeOnePerReaderOrOnePerInput) {
  EXPECT_EQ(nn::architecture(over_box(with_always_on(9, 8, 3)).network), "9-4-3") << "three readers";
  EXPECT_EQ(nn::architecture(over_box(with_always_on(4, 8, 6)).network), "4-5-6") << "four inputs";
  EXPECT_EQ(nn::architecture(over_box(with_always_on(9, 8, 8)).network), "9-9-8") << "nothing to gain";
  const Compression small = over_box(with_always_on(9, 8, 3));
  EXPECT_EQ(small.layers[0].linear, 8);
  EXPECT_EQ(small.layers[0].folded, 5);
  EXPECT_GE(small.smallest_slack, 1);
  EXPECT_GT(small.deviation.minCoeff(), 0);
  EXPECT_LT(small.deviation.maxCoeff(), 0x1.0p-24 * 4 * (9 * 20 + 20)) << "8 neurons of at most 19, weights of at most 1";
}

TEST(Compress, ALinearLayerGoesAsAWhole) {
  nn::Network network = random_network({4, 6, 5, 3}, 1);
  network.layers[0].bias.setConstant(5);
  const Compression small = over_box(network);
  EXPECT_EQ(small.layers[0].folded, 6);
  EXPECT_EQ(small.network.hidden_layers(), 1u);
  expect_equal_on(problem::box_region(problem::unit_box(4)), network, small, "linear layer");
}

TEST(Compress, AWideNextLayerKeepsANarrowLinearOne) {
  nn::Network network = random_network({50, 2, 40, 3}, 1);
  network.layers[0].bias.setConstant(51);
  EXPECT_EQ(over_box(network).network.layers[0].outputs(), 2) << "40 x 50 weights instead of 2 x 50 + 40 x 2";
}

TEST(Compress, ANetworkThatIsConstantOrLinearKeepsItsOutputsOnly) {
  nn::Network network = random_network({4, 6, 5, 3}, 1);
  network.layers[1].bias.setConstant(-100);
  const Compression constant = over_box(network);
  EXPECT_EQ(nn::architecture(constant.network), "4-3");
  EXPECT_EQ(constant.network.layers[0].bias, network.layers[2].bias);
  EXPECT_EQ(constant.removed(), 11);
  EXPECT_EQ(constant.layers[1].off, 5);
  EXPECT_EQ(constant.layers[0].unread, 6);
  network.layers[0].bias.setConstant(10);
  network.layers[1].bias.setConstant(1000);
  EXPECT_EQ(nn::architecture(over_box(network).network), "4-3");
  expect_equal_on(problem::box_region(problem::unit_box(4)), network, over_box(network), "linear network");
}

TEST(Compress, NeuronsThatNobodyReadsGo) {
  nn::Network network = random_network({3, 4, 2}, 5);
  network.layers[0].bias.setZero();
  network.layers[0].weight.col(0).setConstant(1);
  network.layers[0].weight.col(1).setConstant(-1);
  network.layers[1].weight.col(2).setZero();
  const Compression small = over_box(network);
  EXPECT_EQ(nn::architecture(small.network), "3-3-2");
  EXPECT_EQ(small.layers[0].unread, 1);
  EXPECT_EQ(small.smallest_slack, std::numeric_limits<double>::infinity()) << "no bound was needed";
}

TEST(Compress, TrainedNetworksComputeTheSameOnTheirBallsAndOnAllImages) {
  std::int64_t on_regions = 0;
  for (const problem::Problem& problem : reference_problems())
    for (const problem::Region& region : {problem.region(), problem::box_region(problem::unit_box(problem.network.inputs()))}) {
      const Compression small = compress(problem.network, bounds_of(problem.network, region));
      expect_equal_on(region, problem.network, small, problem.name);
      if (problem.optimal_input) expect_equal_at(problem.network, small, *problem.optimal_input, problem.name);
      if (region.radius == problem.epsilon) on_regions += small.removed();
      EXPECT_LT(small.deviation.maxCoeff(), 1e-3) << problem.name;
    }
  EXPECT_GT(on_regions, 100);
}

TEST(Compress, AWrongProofIsSeenByTheseTests) {
  const problem::Problem& problem = reference_problems().front();
  bounds::Bounds proof = bounds_of(problem.network, problem.region());
  Eigen::Index open = 0;
  while (!(proof.layers[0].lower[open] < -0.01 && proof.layers[0].upper[open] > 0.01)) ++open;
  proof.layers[0].upper[open] = -0.01;
  proof.layers[0].lower[open] = -1;
  const Compression wrong = compress(problem.network, proof);
  const Eigen::VectorXd row = problem.network.layers[0].weight.row(open).cast<double>().transpose();
  const Eigen::VectorXd x = problem::maximise_linear(problem.region(), row).maximiser;
  EXPECT_GT((nn::forward(problem.network, x) - nn::forward(wrong.network, x)).cwiseAbs().maxCoeff(), 10 * wrong.deviation.maxCoeff());
}

TEST(Compress, RefusesBoundsOfAnotherNetwork) {
  const nn::Network network = random_network({3, 4, 2}, 5);
  EXPECT_THAT([&] { compress(network, {}); },
              ::testing::ThrowsMessage<base::Error>(::testing::HasSubstr("exact compression: expected bounds of 2 layers, found 0")));
}

/// Three inputs, of both signs and larger than 1, pass through neurons of their own, whose biases have to make up for the lower bounds.
TEST(Compress, InputsOutsideTheUnitBoxPassThrough) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    nn::Network network = random_network({3, 12, 12, 2}, seed);
    const problem::Region region = problem::box_region({.lower = Eigen::Vector3d(-2, -0.5, 1), .upper = Eigen::Vector3d(3, 0.25, 4)});
    network.layers[0].bias.head(8).array() += 10;  // stably active; the next layer is unstable
    network.layers[1].bias -= nn::pre_activations(network, region.centre)[1].cast<float>();
    const Compression small = compress(network, bounds_of(network, region), {.lower = region.box.lower, .upper = region.box.upper});
    EXPECT_LE(small.network.layers.front().outputs(), 3 + 4) << seed;
    base::RandomStream random(seed, "points");
    for (int i = 0; i < 50; ++i) expect_equal_at(network, small, random_point(region, random), "seed " + std::to_string(seed));
    for (int corner = 0; corner < 8; ++corner) {
      Eigen::VectorXd x = region.box.lower;
      for (int k = 0; k < 3; ++k)
        if ((corner >> k) & 1) x[k] = region.box.upper[k];
      expect_equal_at(network, small, x, "seed " + std::to_string(seed));
    }
  }
}

}  // namespace
}  // namespace espalier::reduce
