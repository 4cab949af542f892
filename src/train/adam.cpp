#include <cmath>

#include "simd.hpp"
#include "update_rules.hpp"

namespace espalier::train {
namespace {

/// What a step needs to know besides the four arrays.
struct Coefficients {
  float gradient_scale, weight_decay, beta_1, beta_2, rate, root, epsilon;
};

/// T is a vector or, for the last few parameters, a single number.
template <class T>
void update(const Coefficients& c, T gradient, T& parameter, T& mean, T& square) {
  const T g = c.gradient_scale * gradient + c.weight_decay * parameter;
  mean = c.beta_1 * mean + (1 - c.beta_1) * g;
  square = c.beta_2 * square + (1 - c.beta_2) * (g * g);
  parameter -= c.rate * mean / (square_root(square) * c.root + c.epsilon);
}

/// Adam (Kingma and Ba 2015, algorithm 1) as torch.optim.Adam arranges it:
/// m <- b1 m + (1 - b1) g,  v <- b2 v + (1 - b2) g^2,  w <- w - (rate / (1 - b1^t)) m / (sqrt(v) / sqrt(1 - b2^t) + epsilon).
class Adam : public UpdateRule {
 public:
  Adam(const UpdateRuleOptions& options, std::size_t parameters) : options_(options), mean_(parameters), square_(parameters) {}

  void step(const Step& step) override {
    ++steps_;
    const double correction_1 = 1 - std::pow(static_cast<double>(options_.beta_1), steps_);
    const double correction_2 = 1 - std::pow(static_cast<double>(options_.beta_2), steps_);
    const Coefficients c{.gradient_scale = step.gradient_scale,
                         .weight_decay = step.weight_decay,
                         .beta_1 = options_.beta_1,
                         .beta_2 = options_.beta_2,
                         .rate = static_cast<float>(step.learning_rate / correction_1),
                         .root = static_cast<float>(1 / std::sqrt(correction_2)),
                         .epsilon = options_.epsilon};
    constexpr std::size_t lanes = Simd<float>::lanes;
    std::size_t i = 0;
    for (; i + lanes <= mean_.size(); i += lanes) {
      Vec<float> w = load(step.parameters.data() + i), m = load(mean_.data() + i), v = load(square_.data() + i);
      update(c, load(step.gradient.data() + i), w, m, v);
      store(step.parameters.data() + i, w);
      store(mean_.data() + i, m);
      store(square_.data() + i, v);
    }
    for (; i < mean_.size(); ++i) update(c, step.gradient[i], step.parameters[i], mean_[i], square_[i]);
  }

 private:
  UpdateRuleOptions options_;
  Buffer<float> mean_;
  Buffer<float> square_;
  long steps_ = 0;
};

}  // namespace

std::unique_ptr<UpdateRule> make_adam(const UpdateRuleOptions& options, std::size_t parameters) {
  return std::make_unique<Adam>(options, parameters);
}

}  // namespace espalier::train
