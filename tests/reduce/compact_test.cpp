#include "espalier/reduce/compact.hpp"

#include <gtest/gtest.h>

#include "problem/reference.hpp"
#include "reduce/rounding.hpp"

namespace espalier::reduce {
namespace {

using espalier::testing::random_network;

void expect_equal_to_rounding(const nn::Network& masked, const nn::Network& small, const std::string& where = "") {
  for (int i = 0; i < 50; ++i) espalier::testing::expect_equal_to_rounding(masked, small, Eigen::VectorXd::Random(masked.inputs()), where);
}

void mask_rows(nn::Layer& layer, int count, base::RandomStream& random) {
  layer.mask = nn::Mask::Ones(layer.outputs(), layer.inputs());
  while (count > 0) {
    const auto row = static_cast<Eigen::Index>(random.below(static_cast<std::uint64_t>(layer.outputs())));
    count -= layer.mask(row, 0);
    layer.mask.row(row).setZero();
    layer.weight.row(row).setZero();
  }
}

TEST(Compact, RandomStructuredPruningLosesNothing) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    nn::Network network = random_network({9, 16, 12, 8, 4}, seed);
    base::RandomStream random(seed, "rows");
    for (const auto& [layer, rows] : {std::pair{0, 10}, {1, 7}, {2, 5}})
      mask_rows(network.layers[static_cast<std::size_t>(layer)], rows, random);
    const nn::Network small = compact(network);
    small.check();
    EXPECT_EQ(nn::architecture(small), "9-6-5-3-4");
    expect_equal_to_rounding(network, small, "seed " + std::to_string(seed));
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
  expect_equal_to_rounding(network, compact(network));
}

TEST(Compact, ALayerKeepsOneNeuronAndTheOutputsAll) {
  nn::Network network = random_network({2, 3, 2}, 3);
  for (nn::Layer& layer : network.layers) layer.weight.setZero();
  const nn::Network small = compact(network);
  small.check();
  EXPECT_EQ(nn::architecture(small), "2-1-2");
  expect_equal_to_rounding(network, small);
}

}  // namespace
}  // namespace espalier::reduce
