#include "espalier/nn/rescale.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "espalier/base/error.hpp"
#include "nn/scaled.hpp"

namespace espalier::nn {
namespace {

using espalier::testing::scale_neuron;
using espalier::testing::scaled_logits;
using espalier::testing::scaled_neurons;

constexpr int label = 1, target = 2;

/// Weights and biases uniform in [-1, 1], weights 0 with probability `pruned`.
Network uniform_network(const std::vector<int>& widths, std::uint64_t seed, double pruned = 0) {
  base::RandomStream random(seed, "test network");
  Network network;
  for (std::size_t k = 0; k + 1 < widths.size(); ++k) {
    Layer layer{.weight = WeightMatrix(widths[k + 1], widths[k]), .bias = Eigen::VectorXf(widths[k + 1]), .mask = {}};
    for (float& w : layer.weight.reshaped()) w = random.uniform() < pruned ? 0.0F : static_cast<float>(random.uniform(-1, 1));
    for (float& b : layer.bias) b = static_cast<float>(random.uniform(-1, 1));
    network.layers.push_back(std::move(layer));
  }
  return network;
}

Rescaled in_own_units(const Network& network) { return rescale(network, targeted(network.outputs(), label, target)); }
double unit_of(const Network& network) { return margin_unit(network, targeted(network.outputs(), label, target)); }

void expect_same_bits(const Network& a, const Network& b) {
  ASSERT_EQ(a.layers.size(), b.layers.size());
  for (std::size_t k = 0; k < a.layers.size(); ++k) {
    EXPECT_EQ(a.layers[k].weight, b.layers[k].weight) << "layer " << k;
    EXPECT_EQ(a.layers[k].bias, b.layers[k].bias) << "layer " << k;
  }
}

/// Pre-activations of `rescaled` are those of `network`, each times its power of two, to the last bit.
void expect_same_function(const Network& network, const Rescaled& rescaled, base::RandomStream& random) {
  const Eigen::VectorXd x = Eigen::VectorXd::NullaryExpr(network.inputs(), [&random] { return random.uniform(); });
  const std::vector<Eigen::VectorXd> was = pre_activations(network, x), is = pre_activations(rescaled.network, x);
  for (std::size_t k = 0; k < was.size(); ++k)
    for (Eigen::Index i = 0; i < was[k].size(); ++i)
      EXPECT_EQ(is[k][i], std::ldexp(was[k][i], rescaled.exponents[k][i])) << "layer " << k << ", neuron " << i;
}

double norm(const Layer& layer, Eigen::Index i) {
  return std::hypot(layer.weight.row(i).cast<double>().norm(), static_cast<double>(layer.bias[i]));
}

TEST(Rescale, IsTheSameFunctionWithRowsOfNormOne) {
  base::RandomStream random(1, "rescale");
  for (const double pruned : {0.0, 0.8}) {
    const Network network = scaled_neurons(uniform_network({7, 6, 5, 4}, 1, pruned), 20, random);
    const Rescaled r = in_own_units(network);
    expect_same_function(network, r, random);
    EXPECT_EQ(r.deviation, Eigen::VectorXd::Zero(4));
    for (std::size_t k = 0; k < r.network.layers.size(); ++k) {
      for (Eigen::Index i = 0; i < r.network.layers[k].outputs(); ++i) {
        if (k == 2 && (i == label || i == target)) continue;
        EXPECT_GE(norm(r.network.layers[k], i), 1.0);
        EXPECT_LT(norm(r.network.layers[k], i), 2.0);
      }
    }
    const Layer& output = r.network.layers.back();
    EXPECT_EQ(r.exponents.back()[label], r.exponents.back()[target]);
    const double of_margin = std::hypot((output.weight.row(target) - output.weight.row(label)).cast<double>().norm(),
                                        static_cast<double>(output.bias[target]) - static_cast<double>(output.bias[label]));
    EXPECT_GE(of_margin, 1.0);
    EXPECT_LT(of_margin, 2.0);
  }
}

TEST(Rescale, ObjectivesOfSeveralFunctionsComeAlong) {
  base::RandomStream random(3, "rescale");
  const Network network = scaled_logits(scaled_neurons(uniform_network({7, 6, 5, 4}, 1), 20, random), 9);
  const Objective objective{.functions = {{.coefficients = Eigen::Vector4d(0, 0.25, -7, 0), .constant = 3},
                                          {.coefficients = Eigen::Vector4d(0, 1, 0, 1), .constant = -0.1}}};
  const Rescaled r = rescale(network, objective);
  expect_same_function(network, r, random);
  for (const Eigen::Index read : {1, 2, 3}) EXPECT_EQ(r.exponents.back()[read], r.objective_exponent);
  double largest = 0;
  for (const OutputFunction& f : r.objective.functions) {
    const OutputRow row = output_row({.coefficients = f.coefficients}, r.network.layers.back());
    largest = std::max(largest, std::hypot(row.weight.norm(), row.bias));
  }
  EXPECT_GE(largest, 1.0);
  EXPECT_LT(largest, 2.0);
  for (int i = 0; i < 20; ++i) {
    const Eigen::VectorXd x = Eigen::VectorXd::NullaryExpr(7, [&random] { return random.uniform(); });
    EXPECT_EQ(r.objective(forward(r.network, x)), std::ldexp(objective(forward(network, x)), r.objective_exponent));
  }
  EXPECT_EQ(margin_unit(network, objective), 1);
  // A constant of ordinary size makes a margin of ordinary size, however small the logits are.
  EXPECT_LT(margin_unit(scaled_logits(network, -60), {.functions = {{.coefficients = Eigen::Vector4d(0, 0.25, -7, 0)}}}), 1e-6);
  EXPECT_EQ(margin_unit(scaled_logits(network, -60), objective), 1);
}

TEST(Rescale, WhateverTheUnitsTheBitsAreTheSame) {
  base::RandomStream random(2, "rescale");
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Network network = uniform_network({6, 5, 5, 5, 3}, seed, seed % 2 == 0 ? 0.0 : 0.7);
    network.layers[1].weight.row(2).setZero();  // 0 everywhere: what reads it may be of any size
    network.layers[1].bias[2] = 0;
    const Rescaled once = in_own_units(network);
    for (const int largest : {1, 10, 60}) {
      const Network other = scaled_neurons(network, largest, random);
      const Rescaled r = in_own_units(other);
      expect_same_bits(r.network, once.network);
      expect_same_function(other, r, random);
      EXPECT_EQ(r.exponents.back(), once.exponents.back());
      EXPECT_EQ(unit_of(other), unit_of(network));
    }
    expect_same_bits(in_own_units(once.network).network, once.network);
    expect_same_bits(in_own_units(scaled_logits(network, -80)).network, once.network);
  }
}

/// Weight decay leaves 1e-42 at pixels that are always dark, and float32 has no room below 2^-149.
TEST(Rescale, WeightsBesideWhichFloat32HasNoRoomAreAccountedFor) {
  constexpr float smallest = std::numeric_limits<float>::denorm_min();
  Network network = uniform_network({4, 3, 3}, 3);
  network.layers[0].weight(1, 2) = 5 * smallest;
  EXPECT_EQ(in_own_units(network).deviation, Eigen::VectorXd::Zero(3)) << "scaled up: exact";
  network.layers[0].weight(1, 0) = 64;
  const Rescaled r = in_own_units(network);
  EXPECT_EQ(r.network.layers[0].weight(1, 2), 0.0F);
  EXPECT_GE(r.deviation[target], 5.0 / 64 * smallest * std::abs(r.network.layers[1].weight(target, 1)));
  EXPECT_LT(r.deviation.maxCoeff(), 1e-40);
  // A dead neuron whose weights have all decayed is scaled up, and what reads it down, as far as that goes.
  network.layers[0].weight.row(2).setConstant(3 * smallest);
  network.layers[0].bias[2] = 0;
  network.layers[1].weight.col(2).setConstant(smallest);
  const Rescaled dead = in_own_units(network);
  EXPECT_GE(norm(dead.network.layers[0], 2), 1.0);
  EXPECT_EQ(dead.network.layers[1].weight.col(2), Eigen::Vector3f::Zero());
  EXPECT_GT(dead.deviation.minCoeff(), 0);
  EXPECT_LT(dead.deviation.maxCoeff(), 1e-40);
  // The same in other units: the same bits.
  ASSERT_TRUE(scale_neuron(network, 0, 1, 30));
  expect_same_bits(in_own_units(network).network, dead.network);
}

TEST(Rescale, WhatFloat64CannotHoldIsRefused) {
  Network network;
  for (int k = 0; k < 9; ++k)
    network.layers.push_back({.weight = WeightMatrix::Constant(3, 3, 0x1p-120F), .bias = Eigen::VectorXf::Zero(3), .mask = {}});
  try {
    in_own_units(network);
    FAIL() << "accepted";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::data);
    EXPECT_THAT(error.what(),
                ::testing::HasSubstr("layer 6: expected neurons of a size between 2^-800 and 2^800, found neuron 0 with 2^-8"));
  }
}

TEST(MarginUnit, IsOneForOrdinaryNetworksAndFollowsTinyLogits) {
  const Network network = uniform_network({7, 6, 5, 4}, 1);
  EXPECT_EQ(unit_of(network), 1);
  EXPECT_EQ(unit_of(scaled_logits(network, 2)), 1);
  const double tiny = unit_of(scaled_logits(network, -40));
  EXPECT_LT(tiny, 0x1p-30);
  EXPECT_EQ(unit_of(scaled_logits(network, -50)), tiny * 0x1p-10);
  EXPECT_EQ(unit_of(scaled_logits(network, 60)), 1);
  Network equal = network;
  equal.layers.back().weight.row(label) = equal.layers.back().weight.row(target);
  equal.layers.back().bias[label] = equal.layers.back().bias[target];
  EXPECT_GT(unit_of(equal), 0) << "a margin of 0 everywhere";
  equal.layers.back().weight.setZero();
  equal.layers.back().bias.setZero();
  EXPECT_EQ(unit_of(equal), 1) << "no logits at all";
}

}  // namespace
}  // namespace espalier::nn
