// A network's margin in float64: batched values and gradients, and the exact maximum along a segment.
#pragma once
#include <Eigen/Core>
#include <vector>

#include "espalier/base/budget.hpp"
#include "espalier/nn/network.hpp"

namespace espalier::attack {

/// One point per row, contiguous.
using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// The maximum along a segment.
struct LineMaximum {
  double position = 0;  ///< in [0, 1]
  double margin = 0;
};

/// y[target] - y[label] of a network whose weights are widened to float64.
class Margin {
 public:
  Margin(const nn::Network& network, int label, int target);

  Eigen::Index inputs() const { return weights_.front().cols(); }
  std::size_t hidden_layers() const { return weights_.size() - 1; }

  /// Pre-activations of the first layer, one point of `x` per row. For a network without hidden layers its only row is the margin.
  Rows first_layer(const Rows& x) const;
  /// Pre-activations of all hidden layers from those of the first; margins of the rows.
  Eigen::VectorXd forward(const Rows& first, std::vector<Rows>& pre_activations) const;
  /// Gradients of the margin at x (rows x inputs). The derivative of ReLU at g is clamp(1/2 + g / (2 smoothing), 0, 1), with each row's own
  /// smoothing > 0 times the layer's mean |g|: a step where it is small, and telling of the neurons beyond their kink where it is not.
  Rows gradient(const std::vector<Rows>& pre_activations, const Eigen::VectorXd& smoothing) const;
  /// max over t in [0, 1] of the margin at first-layer pre-activations g + t d: piecewise linear in t, so the walk goes from kink to kink.
  /// Up to `kinks` of them, fewer if the budget is spent.
  LineMaximum maximise_along(const Eigen::VectorXd& g, const Eigen::VectorXd& d, const base::Budget& budget = {}, int kinks = 1000) const;

 private:
  std::vector<Rows> weights_;  ///< the last one is the margin's row
  std::vector<Eigen::VectorXd> biases_;
};

}  // namespace espalier::attack
