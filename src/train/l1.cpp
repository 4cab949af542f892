#include "regularisers.hpp"

namespace espalier::train {
namespace {

/// lambda * sum |w|, subgradient lambda * sign(w), 0 at 0.
class L1 : public Regulariser {
 public:
  explicit L1(const RegulariserOptions& options) : strength_(options.strength) {}
  std::string name() const override { return "l1"; }

  double add(const std::vector<LayerView<float>>& parameters, std::vector<LayerView<float>>& gradient) const override {
    double sum = 0;
    for (std::size_t k = 0; k < parameters.size(); ++k) {
      gradient[k].weight.array() += static_cast<float>(strength_) * parameters[k].weight.array().sign();
      for (Eigen::Index j = 0; j < parameters[k].weight.cols(); ++j) sum += static_cast<double>(parameters[k].weight.col(j).lpNorm<1>());
    }
    return strength_ * sum;
  }

 private:
  double strength_;
};

}  // namespace

std::shared_ptr<const Regulariser> make_l1(const RegulariserOptions& options) { return std::make_shared<L1>(options); }

}  // namespace espalier::train
