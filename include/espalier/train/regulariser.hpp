// Terms added to the loss. Adding one: a source file, a line in regulariser.cpp, a test.
// Symbols: src/NOTATION.md.
#pragma once
#include <Eigen/Core>
#include <memory>
#include <string>
#include <vector>

#include "espalier/base/words.hpp"
#include "espalier/nn/network.hpp"

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

/// How the structured terms (spr) weigh layers against each other.
enum class Scaling {
  size,   ///< a layer's sum is multiplied by (inputs + 1) / (all weights and biases of the network): the code of Cacciola et al. 2023
  plain,  ///< the plain sum: the formula of their text
};
base::Words<Scaling> words(Scaling);  ///< "size", "plain"

struct RegulariserOptions {
  double strength = 0;              ///< lambda, >= 0
  double alpha = 0.5;               ///< spr: weight of the squared norm against the on/off cost, in (0, 1)
  Scaling scaling = Scaling::size;  ///< spr
  std::vector<double> big_m = {};   ///< spr: M of each layer, > 0: what its weights are bounded by (see largest_weights)
};

/// Terms, with w_i the weights of a row (neuron), b_i its bias, g_i = [w_i, b_i], all layers, the output layer included:
///   "l1"           lambda * sum |w|
///   "l2"           lambda * sum w^2
///   "group_lasso"  lambda * sum_i sqrt(inputs + 1) * ||g_i||_2                              (Yuan and Lin 2006)
///   "spr"          lambda * sum_i s_l * z(g_i; alpha, M_l), the structured perspective regularisation of Cacciola, Frangioni and Lodi
///   2023:
///                  z(g; a, M) = min { a ||g||_2^2 / y + (1 - a) y : min(1, ||g||_inf / M) <= y <= 1 }, s_l by `scaling`
/// At kinks the subgradient is the symmetric one: 0 at 0, equal shares among entries of equal largest size.
/// Throws base::Error(configuration) naming the regularisers there are, or the option that is illegal (an M of 0 is a dead layer).
std::shared_ptr<const Regulariser> make_regulariser(const std::string& name, const RegulariserOptions& options);
std::vector<std::string> regulariser_names();

/// M of every layer of a reference network: its largest |weight|, biases excluded (Cacciola et al. 2023, their code's "layer" mode).
std::vector<double> largest_weights(const nn::Network& reference);

}  // namespace espalier::train
