// A network's margin in float64: batched values and gradients, and the exact maximum along a segment.
#pragma once
#include <Eigen/Core>
#include <vector>

#include "espalier/base/budget.hpp"
#include "espalier/nn/objective.hpp"

namespace espalier::attack {

/// One point per row, contiguous.
using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// The maximum along a segment.
struct LineMaximum {
  double position = 0;  ///< in [0, 1]
  double value = 0;
};

/// The objective of a network whose weights are widened to float64. A point moves for one of its functions, its own.
class Margin {
 public:
  Margin(const nn::Network& network, const nn::Objective& objective);

  Eigen::Index inputs() const { return weights_.front().cols(); }
  std::size_t hidden_layers() const { return weights_.size() - 1; }
  Eigen::Index functions() const { return weights_.back().rows(); }

  /// Pre-activations of the first layer, one point of `x` per row. For a network without hidden layers these are the functions.
  Rows first_layer(const Rows& x) const;
  /// Pre-activations of all hidden layers from those of the first; the functions' values (rows x functions).
  Rows forward(const Rows& first, std::vector<Rows>& pre_activations) const;
  /// Gradients at x (rows x inputs) of function own[r] in row r. The derivative of ReLU at g is clamp(1/2 + g / (2 smoothing), 0, 1), with
  /// each row's own smoothing > 0 times the layer's mean |g|: a step where it is small, and telling of the neurons beyond their kink where
  /// it is not.
  Rows gradient(const std::vector<Rows>& pre_activations, const std::vector<Eigen::Index>& own, const Eigen::VectorXd& smoothing) const;
  /// max over t in [0, 1] of a function at first-layer pre-activations g + t d: piecewise linear in t, so the walk goes from kink to kink.
  /// Up to `kinks` of them, fewer if the budget is spent.
  LineMaximum maximise_along(Eigen::Index function, const Eigen::VectorXd& g, const Eigen::VectorXd& d, const base::Budget& budget = {},
                             int kinks = 1000) const;

 private:
  std::vector<Rows> weights_;  ///< the last ones are the objective's functions
  std::vector<Eigen::VectorXd> biases_;
};

}  // namespace espalier::attack
