#include "espalier/bounds/bounds.hpp"

#include <algorithm>
#include <cmath>

#include "bounds/interval.hpp"
#include "espalier/base/error.hpp"

namespace espalier::bounds {

void check(const Bounds& bounds, const nn::Network& network, const std::string& who) {
  if (bounds.layers.size() != network.layers.size()) {
    base::fail(base::ErrorKind::data, "{}: expected bounds of {} layers, found {}", who, network.layers.size(), bounds.layers.size());
  }
  for (std::size_t k = 0; k < network.layers.size(); ++k) {
    const LayerBounds& range = bounds.layers[k];
    const Eigen::Index width = network.layers[k].outputs();
    if (range.lower.size() != width || range.upper.size() != width) {
      base::fail(base::ErrorKind::data, "{}: bounds of layer {}: expected {} entries, found {} lower and {} upper", who, k, width,
                 range.lower.size(), range.upper.size());
    }
    for (Eigen::Index i = 0; i < width; ++i) {
      if (!std::isfinite(range.lower[i]) || !std::isfinite(range.upper[i]) || range.lower[i] > range.upper[i]) {
        base::fail(base::ErrorKind::numeric, "{}: bounds of layer {}, neuron {}: expected finite lower <= upper, found [{}, {}]", who, k, i,
                   range.lower[i], range.upper[i]);
      }
    }
  }
}

Bounds BoundsMethod::compute(const nn::Network& network, const problem::Region& region, const base::Budget& budget) const {
  if (network.layers.empty() || region.dimension() != network.inputs()) {
    base::fail(base::ErrorKind::data, "bounds '{}': expected a region of dimension {} (the network's inputs), found {}", name(),
               network.layers.empty() ? 0 : network.inputs(), region.dimension());
  }
  return do_compute(network, region, budget);
}

LayerBounds function_bounds(const Bounds& bounds, const nn::Objective& objective) {
  const LayerBounds& logits = bounds.layers.back();
  const auto count = static_cast<Eigen::Index>(objective.functions.size());
  LayerBounds result{.lower = Eigen::VectorXd(count), .upper = Eigen::VectorXd(count)};
  for (Eigen::Index k = 0; k < count; ++k) {
    const nn::OutputFunction& f = objective.functions[static_cast<std::size_t>(k)];
    double lower = f.constant, upper = f.constant, magnitude = std::abs(f.constant);
    Eigen::Index terms = 0;
    for (Eigen::Index i = 0; i < f.coefficients.size(); ++i) {
      const double c = f.coefficients[i];
      if (c == 0) continue;
      const double at_lower = c * logits.lower[i], at_upper = c * logits.upper[i];
      lower += std::min(at_lower, at_upper);
      upper += std::max(at_lower, at_upper);
      magnitude += std::max(std::abs(at_lower), std::abs(at_upper));
      ++terms;
    }
    const double padding = padding_factor(terms + 1) * magnitude;
    result.lower[k] = lower - padding;
    result.upper[k] = upper + padding;
  }
  return result;
}

double largest_margin(const Bounds& bounds, const nn::Objective& objective) { return function_bounds(bounds, objective).upper.maxCoeff(); }

}  // namespace espalier::bounds
