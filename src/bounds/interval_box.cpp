// "interval-box": interval arithmetic from the unit box. P2's bounds: they ignore the L1 budget.
#include "bounds/interval.hpp"
#include "bounds/methods.hpp"

namespace espalier::bounds {
namespace {

class IntervalBox final : public BoundsMethod {
 public:
  std::string name() const override { return "interval-box"; }

 private:
  Bounds do_compute(const nn::Network& network, const problem::Ball& ball, const base::Budget&) const override {
    const Eigen::VectorXd zeros = Eigen::VectorXd::Zero(ball.dimension()), ones = Eigen::VectorXd::Ones(ball.dimension());
    Bounds bounds{.layers = {affine_image(network.layers.front(), zeros, ones)}};
    propagate_intervals(network, bounds);
    return bounds;
  }
};

}  // namespace

std::unique_ptr<BoundsMethod> make_interval_box() { return std::make_unique<IntervalBox>(); }

}  // namespace espalier::bounds
