#include "regularisers.hpp"

namespace espalier::train {
namespace {

/// lambda * sum w^2, gradient 2 lambda w.
class L2 : public Regulariser {
 public:
  explicit L2(const RegulariserOptions& options) : strength_(options.strength) {}
  std::string name() const override { return "l2"; }

  double add(const std::vector<LayerView<float>>& parameters, std::vector<LayerView<float>>& gradient) const override {
    double sum = 0;
    for (std::size_t k = 0; k < parameters.size(); ++k) {
      gradient[k].weight += static_cast<float>(2 * strength_) * parameters[k].weight;
      for (Eigen::Index j = 0; j < parameters[k].weight.cols(); ++j) sum += static_cast<double>(parameters[k].weight.col(j).squaredNorm());
    }
    return strength_ * sum;
  }

 private:
  double strength_;
};

}  // namespace

std::shared_ptr<const Regulariser> make_l2(const RegulariserOptions& options) { return std::make_shared<L2>(options); }

}  // namespace espalier::train
