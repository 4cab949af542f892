// The same function in other units: hidden neurons times powers of two, the next layer's weights on them by as much less.
#pragma once
#include <cmath>

#include "espalier/base/random.hpp"
#include "espalier/nn/network.hpp"

namespace espalier::testing {

/// Whether float32 holds all numbers times 2^exponent exactly.
template <class Numbers>
bool holds(const Numbers& numbers, int exponent) {
  for (const float value : numbers.reshaped())
    if (std::ldexp(std::ldexp(value, exponent), -exponent) != value) return false;
  return true;
}

template <class Numbers>
void scale(Numbers&& numbers, int exponent) {
  for (float& value : numbers.reshaped()) value = std::ldexp(value, exponent);
}

/// Hidden neuron i of layer k times 2^exponent. False, and nothing is changed, where float32 cannot hold that exactly.
inline bool scale_neuron(nn::Network& network, std::size_t k, Eigen::Index i, int exponent) {
  auto row = network.layers[k].weight.row(i);
  auto bias = network.layers[k].bias.segment(i, 1);
  auto column = network.layers[k + 1].weight.col(i);
  if (!holds(row, exponent) || !holds(bias, exponent) || !holds(column, -exponent)) return false;
  scale(row, exponent);
  scale(bias, exponent);
  scale(column, -exponent);
  return true;
}

/// Every hidden neuron by a power of two within 2^+-largest, where float32 holds it.
inline nn::Network scaled_neurons(nn::Network network, int largest, base::RandomStream& random) {
  for (std::size_t k = 0; k < network.hidden_layers(); ++k)
    for (Eigen::Index i = 0; i < network.layers[k].outputs(); ++i)
      scale_neuron(network, k, i, static_cast<int>(random.below(static_cast<std::uint64_t>(2 * largest + 1))) - largest);
  return network;
}

/// All logits times 2^exponent.
inline nn::Network scaled_logits(nn::Network network, int exponent) {
  scale(network.layers.back().weight, exponent);
  scale(network.layers.back().bias, exponent);
  return network;
}

}  // namespace espalier::testing
