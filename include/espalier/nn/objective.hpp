// What is asked of a network's outputs: the largest of some linear functions of them.
// Symbols: src/NOTATION.md.
#pragma once
#include <Eigen/Core>
#include <vector>

#include "espalier/nn/network.hpp"

namespace espalier::nn {

/// f(y) = c.y + d
struct OutputFunction {
  Eigen::VectorXd coefficients;  ///< c, one entry per output
  double constant = 0;           ///< d

  /// In float64, summed over the outputs that have a coefficient, first to last.
  double operator()(const Eigen::Ref<const Eigen::VectorXd>& y) const;
};

/// y[target] - y[label]
[[nodiscard]] OutputFunction class_margin(Eigen::Index outputs, int label, int target);

/// What is to be maximised, max over k of f_k(y): the margin. Positive where one of the functions is.
struct Objective {
  std::vector<OutputFunction> functions;

  double operator()(const Eigen::Ref<const Eigen::VectorXd>& y) const;
};

/// One function: y[target] - y[label].
[[nodiscard]] Objective targeted(Eigen::Index outputs, int label, int target);
/// y[c] - y[label] for every other class c: whether any of them can be reached.
[[nodiscard]] Objective untargeted(Eigen::Index outputs, int label);

/// f(W h + b) as a function of h: weight . h + bias.
struct OutputRow {
  Eigen::RowVectorXd weight;
  double bias = 0;
};
/// In float64; exact for a class_margin(), unless two weights differ by more than 2^29 in size.
[[nodiscard]] OutputRow output_row(const OutputFunction& function, const Layer& output_layer);

/// The functions' rows below each other, and their constants.
struct OutputRows {
  Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> weight;
  Eigen::VectorXd bias;
};
[[nodiscard]] OutputRows output_rows(const Objective& objective, const Layer& output_layer);

/// Throws base::Error(data) saying "objective: expected ..., found ..." unless there is a function, and each has one coefficient per
/// output, one of them not 0, and all its numbers are finite.
void check(const Objective& objective, Eigen::Index outputs);

}  // namespace espalier::nn
