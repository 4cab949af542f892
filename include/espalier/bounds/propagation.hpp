// Backward linear bound propagation (CROWN, DeepPoly) with the exact maximum over the region at its end.
// Symbols: src/NOTATION.md.
#pragma once
#include <Eigen/Core>
#include <cstddef>
#include <span>
#include <vector>

#include "espalier/bounds/bounds.hpp"
#include "espalier/problem/linear_maximiser.hpp"

namespace espalier::bounds {

/// One affine function per row, contiguous.
using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Affine functions of the hidden layer `layer`'s outputs h: coefficients (rows x width) h + constant, and how much float64 arithmetic may
/// have taken from them (see Propagation).
struct AffineRows {
  std::size_t layer = 0;
  Rows coefficients;
  Eigen::VectorXd constant;
  Eigen::VectorXd padding;

  /// Row indices[0], then row indices[1], and so on; a row may come several times.
  [[nodiscard]] AffineRows rows(std::span<const Eigen::Index> indices) const;
};

/// Affine functions of the pre-activations g of hidden layer `layer`: coefficients (rows x width) g + constant; padding as in AffineRows.
struct PreActivationRows {
  std::size_t layer = 0;
  Rows coefficients;
  Eigen::VectorXd constant;
  Eigen::VectorXd padding;
};

/// lower_slope g <= max(0, g) <= upper_slope g + upper_intercept for lower <= g <= upper, whatever the rounding of the slopes. Unstable:
/// the upper line is the secant, the lower slope is any number in [0, 1], at first the one that cuts off less (1 if upper > -lower, else
/// 0).
struct LinearRelaxation {
  double upper_slope = 0;
  double upper_intercept = 0;
  double lower_slope = 0;
};
[[nodiscard]] LinearRelaxation linear_relaxation(double lower, double upper);

/// The relaxation of one hidden layer, (rows x width): every row has its own; in backward() and relaxed_forward() the only row may serve
/// all. `split_multiplier`, if not empty, is added to the coefficients of the pre-activations: a Lagrange multiplier >= 0 of the split g >=
/// 0, or <= 0 of g <= 0 (beta-CROWN, Wang et al. 2021).
struct LayerRelaxation {
  Rows upper_slope;
  Rows upper_intercept;
  Rows lower_slope;
  Rows split_multiplier;
};

/// `rows` copies of the relaxation that bounds give.
[[nodiscard]] LayerRelaxation make_relaxation(const LayerBounds& bounds, Eigen::Index rows);

/// What one backward pass leaves behind.
struct BackwardPass {
  Eigen::VectorXd upper;             ///< upper bounds, padded outward
  std::vector<Rows> coefficients;    ///< by hidden layer: of h, before its relaxation was put in
  std::vector<problem::Step> steps;  ///< maximisers over the region, row after row
  std::vector<std::size_t> ends;     ///< row i's steps end here
};

/// The network in float64 around one region. From affine functions of a hidden layer back to the input: where a coefficient of h is
/// positive the upper line takes its place, where it is negative the lower one; what is left is a linear function of x, maximised exactly
/// over B.
///
/// Rounding: the bound holds for real arithmetic and for a forward pass in float64 in any order of summation. With a the coefficients of
/// layer j's pre-activations (width n_j), |h| <= H_(j-1) and v_j = |W_j| H_(j-1) + |b_j|, computing a W_j, a.b_j and the intercepts' sum
/// errs by at most (2 n_j + O(1)) u |a|.v_j in the value of the bound, a forward pass of layer j by (n_(j-1) + O(1)) u |a|.v_j; the value
/// at x0 and the knapsack by 2 n_0 u |a|.v_0. The sum over layers, with twice these factors (padding_factor), is added to the bound.
///
/// Not to be shared between threads.
class Propagation {
 public:
  /// `valid`: bounds of all layers, for the magnitudes H.
  Propagation(const nn::Network& network, const problem::Region& region, const Bounds& valid);
  /// Another region, `valid` for it.
  void set_region(const problem::Region& region, const Bounds& valid);
  /// Smaller magnitudes from better bounds.
  void set_magnitudes(const Bounds& valid);

  [[nodiscard]] std::size_t hidden_layers() const { return weights_.size() - 1; }
  [[nodiscard]] Eigen::Index width(std::size_t layer) const { return weights_[layer].rows(); }

  /// At most 128 rows, and so few that a backward pass from the pre-activations of `layer` takes less than 0.1 s also in a wide network:
  /// callers look at their budget between passes.
  [[nodiscard]] Eigen::Index rows_at_a_time(std::size_t layer) const;

  /// Pre-activations of `layer` >= 1: rows g_i for i in neurons, then rows -g_i, as functions of the layer before.
  [[nodiscard]] AffineRows neuron_rows(std::size_t layer, std::span<const Eigen::Index> neurons) const;
  /// The objective's functions, one a row; needs a hidden layer.
  [[nodiscard]] AffineRows margin_rows(const nn::Objective& objective) const;

  /// relaxation[j]: of hidden layer j, for j = 0..start.layer. O(rows sum n_j n_(j-1)).
  void backward(const AffineRows& start, std::span<const LayerRelaxation> relaxation, BackwardPass& pass);

  /// The same from functions of pre-activations; relaxation[j] for j < start.layer, multipliers included.
  void backward(const PreActivationRows& start, std::span<const LayerRelaxation> relaxation, BackwardPass& pass);

  /// What the pass from `start` has when it comes to hidden layer `layer` <= start.layer: upper bounds of start's functions by functions of
  /// the layer's pre-activations, whose own padding is that of their coefficients.
  [[nodiscard]] PreActivationRows upper_functions(const AffineRows& start, std::span<const LayerRelaxation> relaxation,
                                                  std::size_t layer) const;
  /// What rounding may take from a function whose coefficient of neuron i of `layer` is 1.
  [[nodiscard]] double padding(std::size_t layer, Eigen::Index i) const { return magnitudes_[layer][i]; }

  /// Pre-activations of hidden layers 0..start.layer (rows x width) of each row's maximiser if every ReLU is replaced by the line that the
  /// backward pass used: the bound's derivative with respect to the lower slope of (j, i) is min(0, coefficient) times it, and with respect
  /// to the split multiplier it is the pre-activation itself.
  void relaxed_forward(const BackwardPass& pass, std::span<const LayerRelaxation> relaxation, std::vector<Rows>& pre_activations) const;

  /// Row i's maximiser.
  [[nodiscard]] Eigen::VectorXd maximiser(const BackwardPass& pass, std::size_t row) const;

 private:
  void backward_block(Eigen::Index first, Eigen::Index rows, std::span<const LayerRelaxation> relaxation, BackwardPass& pass);
  void concretise(Eigen::Index first, Eigen::Index rows, BackwardPass& pass);

  problem::Region region_;
  problem::LinearMaximiser maximiser_;
  nn::Layer output_layer_;
  std::vector<Rows> weights_;
  Rows first_transposed_;  ///< W_0^T: a pixel's column is contiguous
  std::vector<Eigen::VectorXd> biases_;
  Eigen::VectorXd first_at_centre_;          ///< W_0 x0 + b_0
  std::vector<Eigen::VectorXd> magnitudes_;  ///< v_j, times layer j's padding factor
  Rows pre_, input_;                         ///< of the block that is worked on: coefficients of a layer's pre-activations, of the input
};

/// Bounds for a part of their region, which is a box: those of hidden neurons whose sign they leave open are intersected, layer by layer,
/// with intervals over the layer before and with plain backward propagation. Sets the propagation's region. Not those of the logits.
void narrow(const nn::Network& network, const problem::Region& part, Propagation& propagation, Bounds& bounds);

}  // namespace espalier::bounds
