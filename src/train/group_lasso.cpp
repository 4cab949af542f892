#include <cmath>

#include "regularisers.hpp"
#include "row_norms.hpp"

namespace espalier::train {
namespace {

/// lambda * sum_i sqrt(inputs + 1) ||g_i||_2; gradient lambda sqrt(inputs + 1) g_i / ||g_i||_2, 0 at 0.
class GroupLasso : public Regulariser {
 public:
  explicit GroupLasso(const RegulariserOptions& options) : strength_(options.strength) {}
  std::string name() const override { return "group_lasso"; }

  double add(const std::vector<LayerView<float>>& parameters, std::vector<LayerView<float>>& gradient) const override {
    double sum = 0;
    for (std::size_t k = 0; k < parameters.size(); ++k) {
      const double weight = strength_ * std::sqrt(static_cast<double>(parameters[k].weight.cols() + 1));
      for_row_blocks(parameters[k], [&](Eigen::Index first, const RowNorms& norms) {
        sum += weight * norms.two.sum();
        const RowArray factors = (norms.two > 0).select(weight / norms.two.max(1e-30), 0.0);
        add_scaled_rows(parameters[k], first, factors, gradient[k]);
      });
    }
    return sum;
  }

 private:
  double strength_;
};

}  // namespace

std::shared_ptr<const Regulariser> make_group_lasso(const RegulariserOptions& options) { return std::make_shared<GroupLasso>(options); }

}  // namespace espalier::train
