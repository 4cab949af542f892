#include "espalier/prune/compact.hpp"

#include <gtest/gtest.h>

#include "espalier/prune/prune.hpp"
#include "espalier/train/initial.hpp"

namespace espalier::prune {
namespace {

nn::Network random_network(const std::vector<Eigen::Index>& widths, std::uint64_t seed) {
  return train::initial_network(widths, train::Initialisation::xavier_uniform, seed);
}

double largest_difference(const nn::Network& a, const nn::Network& b) {
  double largest = 0;
  for (int i = 0; i < 50; ++i) {
    const Eigen::VectorXd x = Eigen::VectorXd::Random(a.inputs());
    largest = std::max(largest, (nn::forward(a, x) - nn::forward(b, x)).lpNorm<Eigen::Infinity>());
  }
  return largest;
}

TEST(Compact, RandomStructuredPruningLosesNothing) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    nn::Network network = random_network({9, 16, 12, 8, 4}, seed);
    for (nn::Layer& layer : network.layers) layer.bias.setRandom();
    network = prune(std::move(network), {.criterion = "random", .structure = Structure::structured, .rate = 0.6, .seed = seed});
    const nn::Network small = compact(network);
    small.check();
    EXPECT_EQ(nn::architecture(small), "9-6-5-3-4") << "16, 12 and 8 rows, 5 compound steps";
    EXPECT_LT(largest_difference(network, small), 1e-6) << "seed " << seed;
    EXPECT_EQ(nn::architecture(compact(small)), nn::architecture(small));
  }
}

TEST(Compact, DenseNetworksStayAsTheyAre) {
  const nn::Network network = random_network({5, 7, 3}, 1);
  const nn::Network same = compact(network);
  for (std::size_t k = 0; k < 2; ++k) {
    EXPECT_EQ(same.layers[k].weight, network.layers[k].weight);
    EXPECT_EQ(same.layers[k].bias, network.layers[k].bias);
  }
}

TEST(Compact, FoldsTheConstantAndNotTheNegativeOne) {
  nn::Network network = random_network({1, 3, 1}, 0);
  network.layers[0].weight << 0, 1, 0;
  network.layers[0].bias << 2, 0, -5;
  network.layers[1].weight << 10, 1, 100;
  network.layers[1].bias << 0.5f;
  const nn::Network small = compact(network);
  EXPECT_EQ(nn::architecture(small), "1-1-1");
  EXPECT_EQ(small.layers[1].bias[0], 20.5f);
  EXPECT_EQ(small.layers[1].weight(0, 0), 1);
}

TEST(Compact, NeuronsThatListenToRemovedOnesOnlyGoAsWell) {
  nn::Network network = random_network({2, 2, 2, 1}, 3);
  network.layers[0].weight.row(0).setZero();
  network.layers[1].weight.row(1) << 1, 0;
  EXPECT_EQ(nn::architecture(compact(network)), "2-1-1-1");
  EXPECT_LT(largest_difference(network, compact(network)), 1e-6);
}

TEST(Compact, ALayerKeepsOneNeuronAndTheOutputsAll) {
  nn::Network network = random_network({2, 3, 2}, 3);
  for (nn::Layer& layer : network.layers) layer.weight.setZero();
  const nn::Network small = compact(network);
  small.check();
  EXPECT_EQ(nn::architecture(small), "2-1-2");
  EXPECT_LT(largest_difference(network, small), 1e-6);
}

}  // namespace
}  // namespace espalier::prune
