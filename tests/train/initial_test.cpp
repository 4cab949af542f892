#include "espalier/train/initial.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "espalier/base/error.hpp"
#include "small_data.hpp"

namespace espalier::train {
namespace {

TEST(InitialNetwork, BoundsAndSpreadOfXavierUniform) {
  const nn::Network network = initial_network({300, 200, 10}, Initialisation::xavier_uniform, 4);
  network.check();
  EXPECT_EQ(nn::architecture(network), "300-200-10");
  const double bound = std::sqrt(6.0 / 500);
  const auto w = network.layers[0].weight.cast<double>().array();
  EXPECT_LE(w.abs().maxCoeff(), bound);
  EXPECT_GE(w.abs().maxCoeff(), 0.999 * bound);
  EXPECT_NEAR(w.mean(), 0, 4 * bound / std::sqrt(3.0 * 60000));
  EXPECT_NEAR(std::sqrt(w.square().mean()), bound / std::sqrt(3.0), 0.01 * bound);
  const auto b = network.layers[0].bias.cast<double>().array();
  EXPECT_LE(b.abs().maxCoeff(), 1 / std::sqrt(300.0));
  EXPECT_GE(b.abs().maxCoeff(), 0.9 / std::sqrt(300.0));
}

TEST(InitialNetwork, BoundsOfFanIn) {
  const nn::Network network = initial_network({300, 200, 10}, Initialisation::fan_in, 4);
  for (const nn::Layer& layer : network.layers) {
    const double bound = 1 / std::sqrt(static_cast<double>(layer.inputs()));
    EXPECT_LE(layer.weight.cwiseAbs().maxCoeff(), bound * (1 + 1e-7));
    EXPECT_GE(layer.weight.cwiseAbs().maxCoeff(), 0.99 * bound);
    EXPECT_LE(layer.bias.cwiseAbs().maxCoeff(), bound * (1 + 1e-7));
  }
}

TEST(InitialNetwork, SeedDecides) {
  const std::vector<Eigen::Index> widths = {20, 10, 5};
  const auto a = initial_network(widths, Initialisation::xavier_uniform, 7);
  EXPECT_TRUE(same_bits(a, initial_network(widths, Initialisation::xavier_uniform, 7)));
  EXPECT_FALSE(same_bits(a, initial_network(widths, Initialisation::xavier_uniform, 8)));
  EXPECT_FALSE(same_bits(a, initial_network(widths, Initialisation::fan_in, 7)));
}

TEST(InitialNetwork, RefusesImpossibleWidths) {
  EXPECT_THROW(initial_network({10}, Initialisation::fan_in, 0), base::Error);
  EXPECT_THROW(initial_network({10, 0, 3}, Initialisation::fan_in, 0), base::Error);
  EXPECT_THROW(initial_network({10, -4, 3}, Initialisation::fan_in, 0), base::Error);
}

}  // namespace
}  // namespace espalier::train
