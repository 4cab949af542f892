#include "simd.hpp"
#include "update_rules.hpp"

namespace espalier::train {
namespace {

/// Stochastic gradient descent with momentum as torch.optim.SGD arranges it (no dampening, not Nesterov):
/// u <- momentum u + g,  w <- w - rate u.
class Sgd : public UpdateRule {
 public:
  Sgd(const UpdateRuleOptions& options, std::size_t parameters) : momentum_(options.momentum), velocity_(momentum_ == 0 ? 0 : parameters) {}

  void step(const Step& step) override {
    const auto size = static_cast<Eigen::Index>(step.parameters.size());
    Eigen::Map<Eigen::ArrayXf> w(step.parameters.data(), size);
    const auto g = step.gradient_scale * Eigen::Map<const Eigen::ArrayXf>(step.gradient.data(), size) + step.weight_decay * w;
    if (velocity_.empty()) {
      w -= step.learning_rate * g;
      return;
    }
    Eigen::Map<Eigen::ArrayXf> u(velocity_.data(), size);
    u = momentum_ * u + g;
    w -= step.learning_rate * u;
  }

 private:
  float momentum_;
  Buffer<float> velocity_;  ///< empty without momentum
};

}  // namespace

std::unique_ptr<UpdateRule> make_sgd(const UpdateRuleOptions& options, std::size_t parameters) {
  return std::make_unique<Sgd>(options, parameters);
}

}  // namespace espalier::train
