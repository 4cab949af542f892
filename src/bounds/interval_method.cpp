// "interval": the first layer exactly over the region, intervals afterwards.
#include <cmath>
#include <limits>
#include <utility>

#include "bounds/interval.hpp"

namespace espalier::bounds {
namespace {

/// upper_i = w_i.x0 + b_i + max over B of w_i.(x - x0); lower_i the same with -w_i. The padding counts both sums with
/// problem::magnitude. Returns how many neurons were bounded before the budget was spent; the others have infinite bounds.
Eigen::Index bound_first_layer(const nn::Layer& layer, const problem::Region& region, const base::Budget& budget, LayerBounds& bounds) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const Eigen::VectorXd magnitude = problem::magnitude(region.box);
  bounds = {.lower = Eigen::VectorXd::Constant(layer.outputs(), -infinity), .upper = Eigen::VectorXd::Constant(layer.outputs(), infinity)};
  for (Eigen::Index i = 0; i < layer.outputs(); ++i) {
    if (budget.spent()) return i;
    const Eigen::VectorXd w = layer.weight.row(i).cast<double>();
    const Eigen::Index terms = (w.array() != 0.0).count();
    const double at_centre = w.dot(region.centre) + static_cast<double>(layer.bias[i]);
    // The bound is a sum of up to 2 m + 1 terms: the value at the centre and the gains.
    const double sizes = w.cwiseAbs().cwiseProduct(magnitude).sum();
    const double padding = padding_factor(2 * terms) * (2.0 * sizes + std::abs(static_cast<double>(layer.bias[i])));
    bounds.lower[i] = at_centre - problem::maximise_linear(region, -w).value - padding;
    bounds.upper[i] = at_centre + problem::maximise_linear(region, w).value + padding;
  }
  return layer.outputs();
}

class Interval final : public BoundsMethod {
 public:
  std::string name() const override { return "interval"; }

 private:
  Bounds do_compute(const nn::Network& network, const problem::Region& region, const base::Budget& budget) const override {
    // The intersection with the box only removes padding; it makes "l1 is never looser than box" hold exactly.
    LayerBounds first;
    const bool complete = bound_first_layer(network.layers.front(), region, budget, first) == first.lower.size();
    const LayerBounds box = affine_image(network.layers.front(), region.box.lower, region.box.upper);
    first.lower = first.lower.cwiseMax(box.lower);
    first.upper = first.upper.cwiseMin(box.upper);
    Bounds bounds{.layers = {std::move(first)}, .complete = complete};
    propagate_intervals(network, bounds);
    return bounds;
  }
};

}  // namespace

std::unique_ptr<BoundsMethod> make_interval() { return std::make_unique<Interval>(); }

}  // namespace espalier::bounds
