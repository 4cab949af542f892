// Terms added to the loss. Adding one: a source file, a line in regulariser.cpp, a test.
#pragma once
#include <Eigen/Core>
#include <memory>
#include <string>
#include <vector>

namespace espalier::train {

/// Weight (out x in) and bias (out) of one layer, inside the trainer's buffers.
template <class Scalar>
struct LayerView {
  using Matrix = Eigen::Map<Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>, Eigen::Unaligned, Eigen::OuterStride<>>;
  using Vector = Eigen::Map<Eigen::Matrix<Scalar, Eigen::Dynamic, 1>>;
  Matrix weight;
  Vector bias;
};

/// R(W, b), added to the mean cross-entropy of every batch.
class Regulariser {
 public:
  virtual ~Regulariser() = default;
  virtual std::string name() const = 0;
  /// Adds dR/dW and dR/db to `gradient` and returns R. Called once per batch: must not allocate. Gradients of masked weights are
  /// set to 0 afterwards by the trainer.
  virtual double add(const std::vector<LayerView<float>>& parameters, std::vector<LayerView<float>>& gradient) const = 0;
};

struct RegulariserOptions {
  double strength = 0;  ///< lambda, >= 0
};

/// "l1": lambda * sum of |w| over all weights, biases excluded. Throws base::Error(configuration) naming the regularisers there are.
std::shared_ptr<const Regulariser> make_regulariser(const std::string& name, const RegulariserOptions& options);
std::vector<std::string> regulariser_names();

}  // namespace espalier::train
