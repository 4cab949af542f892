// "interval-box": interval arithmetic from the box. P2's bounds: they ignore the L1 budget.
#include "bounds/interval.hpp"

namespace espalier::bounds {
namespace {

class IntervalBox final : public BoundsMethod {
 public:
  std::string name() const override { return "interval-box"; }

 private:
  Bounds do_compute(const nn::Network& network, const problem::Region& region, const base::Budget&) const override {
    Bounds bounds{.layers = {affine_image(network.layers.front(), region.box.lower, region.box.upper)}};
    propagate_intervals(network, bounds);
    return bounds;
  }
};

}  // namespace

std::unique_ptr<BoundsMethod> make_interval_box() { return std::make_unique<IntervalBox>(); }

}  // namespace espalier::bounds
