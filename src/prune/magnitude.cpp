#include <cmath>

#include "criteria.hpp"

namespace espalier::prune {
namespace {

/// torch.nn.utils.prune's l1_unstructured and ln_structured(n=1, dim=0).
class Magnitude : public Criterion {
 public:
  bool depends_on_weights() const override { return true; }

  std::vector<double> score_weights(const nn::Layer& layer, const std::vector<Eigen::Index>& candidates,
                                    base::RandomStream&) const override {
    std::vector<double> scores;
    scores.reserve(candidates.size());
    for (const Eigen::Index i : candidates) scores.push_back(std::abs(layer.weight.data()[i]));
    return scores;
  }

  std::vector<double> score_rows(const nn::Layer& layer, const std::vector<Eigen::Index>& candidates, base::RandomStream&) const override {
    std::vector<double> scores;
    scores.reserve(candidates.size());
    for (const Eigen::Index row : candidates) scores.push_back(layer.weight.row(row).cast<double>().lpNorm<1>());
    return scores;
  }
};

}  // namespace

std::unique_ptr<Criterion> make_magnitude() { return std::make_unique<Magnitude>(); }

}  // namespace espalier::prune
