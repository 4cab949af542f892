// What a weight or a neuron is worth. Adding a criterion: a source file, a line in criterion.cpp, a test.
#pragma once
#include <Eigen/Core>
#include <memory>
#include <string>
#include <vector>

#include "espalier/base/random.hpp"
#include "espalier/nn/network.hpp"

namespace espalier::prune {

class Criterion {
 public:
  virtual ~Criterion() = default;
  /// False: scores never depend on the layer's numbers, so that masks are known before any training.
  [[nodiscard]] virtual bool depends_on_weights() const = 0;
  /// One score per candidate; the lowest are pruned. Candidates are indices i * inputs + j of unpruned weights in ascending order.
  [[nodiscard]] virtual std::vector<double> score_weights(const nn::Layer& layer, const std::vector<Eigen::Index>& candidates,
                                                          base::RandomStream& random) const = 0;
  /// The same for rows that are not wholly pruned. The bias does not count.
  [[nodiscard]] virtual std::vector<double> score_rows(const nn::Layer& layer, const std::vector<Eigen::Index>& candidates,
                                                       base::RandomStream& random) const = 0;
};

/// "magnitude": |w|, or the row's sum of |w|. "random": a random order. Throws base::Error(configuration) naming the criteria there are.
[[nodiscard]] std::unique_ptr<Criterion> make_criterion(const std::string& name);
[[nodiscard]] std::vector<std::string> criterion_names();

}  // namespace espalier::prune
