// Starting networks.
#pragma once
#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "espalier/base/words.hpp"
#include "espalier/nn/network.hpp"

namespace espalier::train {

enum class Initialisation {
  xavier_uniform,  ///< weights U(+-sqrt(6 / (in + out))), biases U(+-1 / sqrt(in)); Glorot and Bengio 2010, eq. 16
  fan_in,          ///< weights and biases U(+-1 / sqrt(in)): PyTorch's default for Linear
};
base::Words<Initialisation> words(Initialisation);  ///< "xavier", "fan_in"

/// A random network with widths[0] inputs, hidden layers between, widths.back() outputs. The same seed gives the same bits everywhere.
/// Throws base::Error(configuration) unless there are at least two widths, all positive.
nn::Network initial_network(const std::vector<Eigen::Index>& widths, Initialisation initialisation, std::uint64_t seed);

}  // namespace espalier::train
