#include "criteria.hpp"

namespace espalier::prune {
namespace {

/// torch.nn.utils.prune's random_unstructured and random_structured(dim=0).
class Random : public Criterion {
 public:
  bool depends_on_weights() const override { return false; }

  std::vector<double> score_weights(const nn::Layer&, const std::vector<Eigen::Index>& candidates,
                                    base::RandomStream& random) const override {
    return numbers(candidates.size(), random);
  }
  std::vector<double> score_rows(const nn::Layer&, const std::vector<Eigen::Index>& candidates, base::RandomStream& random) const override {
    return numbers(candidates.size(), random);
  }

 private:
  static std::vector<double> numbers(std::size_t count, base::RandomStream& random) {
    std::vector<double> scores(count);
    for (double& s : scores) s = random.uniform();
    return scores;
  }
};

}  // namespace

std::unique_ptr<Criterion> make_random() { return std::make_unique<Random>(); }

}  // namespace espalier::prune
