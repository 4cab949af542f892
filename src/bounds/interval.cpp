#include "bounds/interval.hpp"

#include <algorithm>
#include <cmath>

namespace espalier::bounds {

double padding_factor(Eigen::Index terms) {
  constexpr double unit_roundoff = 0x1.0p-53;
  return terms == 0 ? 0.0 : 2.0 * static_cast<double>(terms + 2) * unit_roundoff;
}

LayerBounds affine_image(const nn::Layer& layer, const Eigen::VectorXd& lower, const Eigen::VectorXd& upper) {
  LayerBounds image{.lower = layer.bias.cast<double>(), .upper = layer.bias.cast<double>()};
  for (Eigen::Index i = 0; i < layer.outputs(); ++i) {
    double magnitude = std::abs(static_cast<double>(layer.bias[i]));
    Eigen::Index terms = 0;
    for (Eigen::Index k = 0; k < layer.inputs(); ++k) {
      const double w = layer.weight(i, k);
      if (w == 0.0) continue;
      const double at_lower = w * lower[k], at_upper = w * upper[k];
      image.lower[i] += std::min(at_lower, at_upper);
      image.upper[i] += std::max(at_lower, at_upper);
      magnitude += std::max(std::abs(at_lower), std::abs(at_upper));
      ++terms;
    }
    const double padding = padding_factor(terms) * magnitude;
    image.lower[i] -= padding;
    image.upper[i] += padding;
  }
  return image;
}

void propagate_intervals(const nn::Network& network, Bounds& bounds) {
  while (bounds.layers.size() < network.layers.size()) {
    const LayerBounds& before = bounds.layers.back();
    bounds.layers.push_back(affine_image(network.layers[bounds.layers.size()], before.lower.cwiseMax(0.0), before.upper.cwiseMax(0.0)));
  }
}

}  // namespace espalier::bounds
