#include "espalier/nn/network.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "espalier/base/error.hpp"
#include "espalier/base/random.hpp"

namespace espalier::nn {
namespace {

using ::testing::HasSubstr;

/// 3 -> 2 -> 2, small enough to compute by hand.
Network small_network() {
  Network network;
  network.layers.resize(2);
  network.layers[0].weight = WeightMatrix{{1, -2, 0.5f}, {0, 1, 1}};
  network.layers[0].bias = Eigen::VectorXf{{0.25f, -3}};
  network.layers[1].weight = WeightMatrix{{2, 1}, {-1, 4}};
  network.layers[1].bias = Eigen::VectorXf{{0, 0.5f}};
  return network;
}

Network random_network(const std::vector<Eigen::Index>& widths, std::uint64_t seed) {
  base::RandomStream random(seed, "test");
  Network network;
  for (std::size_t k = 0; k + 1 < widths.size(); ++k) {
    Layer layer;
    layer.weight = WeightMatrix::NullaryExpr(widths[k + 1], widths[k], [&] { return static_cast<float>(random.uniform(-1, 1)); });
    layer.bias = Eigen::VectorXf::NullaryExpr(widths[k + 1], [&] { return static_cast<float>(random.uniform(-1, 1)); });
    network.layers.push_back(layer);
  }
  return network;
}

std::string refusal(const Network& network) {
  try {
    network.check();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::data);
    return error.what();
  }
  return "accepted";
}

TEST(Network, ForwardByHand) {
  // g0 = (1*1 - 2*0.5 + 0.5*2 + 0.25, 0.5 + 2 - 3) = (1.25, -0.5); h = (1.25, 0); y = (2.5, -1.25 + 0.5)
  const Eigen::Vector3d x(1, 0.5, 2);
  EXPECT_EQ(forward(small_network(), x), Eigen::Vector2d(2.5, -0.75));
  EXPECT_EQ(forward(small_network(), Eigen::VectorXf(x.cast<float>())), Eigen::Vector2f(2.5f, -0.75f));
  const auto g = pre_activations(small_network(), x);
  ASSERT_EQ(g.size(), 2u);
  EXPECT_EQ(g[0], Eigen::Vector2d(1.25, -0.5));
  EXPECT_EQ(g[1], Eigen::Vector2d(2.5, -0.75));
}

TEST(Network, LogitsMayBeNegativeAndLastLayerHasNoRelu) { EXPECT_LT(forward(small_network(), Eigen::Vector3d(1, 0.5, 2))[1], 0); }

TEST(Network, BatchEqualsSingleSamples) {
  const Network network = random_network({7, 5, 6, 3}, 1);
  const Eigen::MatrixXf x = Eigen::MatrixXf::Random(7, 9).cwiseAbs();
  const Eigen::MatrixXf y = forward_batch(network, x);
  ASSERT_EQ(y.rows(), 3);
  ASSERT_EQ(y.cols(), 9);
  for (Eigen::Index s = 0; s < x.cols(); ++s) {
    const Eigen::VectorXf single = forward(network, Eigen::VectorXf(x.col(s)));
    const Eigen::VectorXd exact = forward(network, Eigen::VectorXd(x.col(s).cast<double>()));
    EXPECT_LE((y.col(s) - single).cwiseAbs().maxCoeff(), 1e-5f);
    EXPECT_LE((y.col(s).cast<double>() - exact).cwiseAbs().maxCoeff(), 1e-5);
  }
}

TEST(Network, PreActivationsEndInTheLogits) {
  const Network network = random_network({7, 5, 6, 3}, 2);
  const Eigen::VectorXd x = Eigen::VectorXd::Random(7);
  EXPECT_LE((pre_activations(network, x).back() - forward(network, x)).cwiseAbs().maxCoeff(), 1e-12);
}

TEST(Network, CountsAndArchitecture) {
  Network network = small_network();
  EXPECT_EQ(network.parameter_count(), 6 + 2 + 4 + 2);
  EXPECT_EQ(network.nonzero_weights(), 9);
  EXPECT_EQ(network.hidden_layers(), 1u);
  EXPECT_EQ(architecture(network), "3-2-2");
}

TEST(Network, RefusesWhatIsNotANetwork) {
  EXPECT_EQ(refusal(small_network()), "accepted");
  EXPECT_THAT(refusal(Network{}), HasSubstr("at least one layer"));
  Network network = small_network();
  network.layers[1].weight.resize(2, 3);
  network.layers[1].weight.setZero();
  EXPECT_EQ(refusal(network), "layer 1: expected 2 inputs (the outputs of layer 0), found 3");
  network = small_network();
  network.layers[0].bias.conservativeResize(1);
  EXPECT_EQ(refusal(network), "layer 0: expected a bias of length 2 (rows of the weight), found 1");
  network = small_network();
  network.layers[1].weight(1, 0) = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(refusal(network), "layer 1: expected finite numbers, found weight[1, 0] = nan");
  network = small_network();
  network.layers[0].bias[1] = std::numeric_limits<float>::infinity();
  EXPECT_EQ(refusal(network), "layer 0: expected finite numbers, found bias[1] = inf");
}

TEST(Network, RefusesMasksThatDoNotHold) {
  Network network = small_network();
  network.layers[0].mask = Mask::Ones(2, 3);
  EXPECT_EQ(refusal(network), "accepted");
  network.layers[0].mask(0, 1) = 0;
  EXPECT_EQ(refusal(network), "layer 0: expected weight[0, 1] = 0 because its mask is 0, found -2");
  network.layers[0].weight(0, 1) = 0;
  EXPECT_EQ(refusal(network), "accepted");
  network.layers[0].mask(0, 2) = 2;
  EXPECT_EQ(refusal(network), "layer 0: expected a mask of 0 and 1, found mask[0, 2] = 2");
  network.layers[0].mask = Mask::Ones(3, 2);
  EXPECT_EQ(refusal(network), "layer 0: expected a mask of the weight's shape 2 x 3, found 3 x 2");
}

TEST(Network, ForwardRefusesAWrongInputLength) {
  EXPECT_THROW(forward(small_network(), Eigen::VectorXd(Eigen::Vector2d(1, 2))), base::Error);
  EXPECT_THROW(forward_batch(small_network(), Eigen::MatrixXf::Zero(2, 4)), base::Error);
}

}  // namespace
}  // namespace espalier::nn
