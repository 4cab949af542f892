#include "espalier/bounds/bounds.hpp"

#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "bounds/methods.hpp"
#include "espalier/base/error.hpp"
#include "espalier/base/text.hpp"

namespace espalier::bounds {
namespace {

using Maker = std::unique_ptr<BoundsMethod> (*)();
constexpr std::array<std::pair<const char*, Maker>, 4> registry{
    {{"interval-box", make_interval_box}, {"interval", make_interval}, {"crown", make_crown}, {"alpha-crown", make_alpha_crown}}};

}  // namespace

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

double largest_margin(const Bounds& bounds, int label, int target) {
  const double difference = bounds.layers.back().upper[target] - bounds.layers.back().lower[label];
  return std::nextafter(difference, std::numeric_limits<double>::infinity());
}

std::unique_ptr<BoundsMethod> make_bounds_method(const std::string& name) {
  for (const auto& [known, make] : registry) {
    if (name == known) return make();
  }
  const std::vector<std::string> names = bounds_method_names();
  base::fail(base::ErrorKind::configuration, "bounds: expected one of {}, found '{}'{}", fmt::join(names, ", "), name,
             base::did_you_mean(name, names));
}

std::vector<std::string> bounds_method_names() {
  std::vector<std::string> names;
  for (const auto& entry : registry) names.emplace_back(entry.first);
  return names;
}

}  // namespace espalier::bounds
