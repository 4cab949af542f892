#include "espalier/train/initial.hpp"

#include <array>
#include <cmath>
#include <string_view>
#include <utility>

#include "espalier/base/error.hpp"
#include "espalier/base/random.hpp"

namespace espalier::train {
namespace {

using base::ErrorKind;

nn::Layer random_layer(Eigen::Index inputs, Eigen::Index outputs, Initialisation initialisation, base::RandomStream& random) {
  const auto in = static_cast<double>(inputs), out = static_cast<double>(outputs);
  const double bias_bound = 1 / std::sqrt(in);
  const double weight_bound = initialisation == Initialisation::xavier_uniform ? std::sqrt(6 / (in + out)) : bias_bound;
  nn::Layer layer{.weight = nn::WeightMatrix(outputs, inputs), .bias = Eigen::VectorXf(outputs), .mask = {}};
  for (Eigen::Index i = 0; i < outputs; ++i)
    for (Eigen::Index j = 0; j < inputs; ++j) layer.weight(i, j) = static_cast<float>(random.uniform(-weight_bound, weight_bound));
  for (Eigen::Index i = 0; i < outputs; ++i) layer.bias[i] = static_cast<float>(random.uniform(-bias_bound, bias_bound));
  return layer;
}

}  // namespace

base::Words<Initialisation> words(Initialisation) {
  static constexpr std::array<std::pair<Initialisation, std::string_view>, 2> all{
      {{Initialisation::xavier_uniform, "xavier"}, {Initialisation::fan_in, "fan_in"}}};
  return all;
}

nn::Network initial_network(const std::vector<Eigen::Index>& widths, Initialisation initialisation, std::uint64_t seed) {
  if (widths.size() < 2)
    base::fail(ErrorKind::configuration, "network: expected at least two widths (inputs and outputs), found {}", widths.size());
  for (std::size_t k = 0; k < widths.size(); ++k)
    if (widths[k] < 1) base::fail(ErrorKind::configuration, "network: expected positive widths, found width {} of layer {}", widths[k], k);
  base::RandomStream random(seed, "initial network");
  nn::Network network;
  for (std::size_t k = 0; k + 1 < widths.size(); ++k)
    network.layers.push_back(random_layer(widths[k], widths[k + 1], initialisation, random));
  return network;
}

}  // namespace espalier::train
