// How far rounding may move the logits of a compacted network.
#pragma once
#include <gtest/gtest.h>

#include <string>

#include "espalier/nn/network.hpp"

namespace espalier::testing {

/// What rounding may do to each logit at x: a forward pass in float64 rounds sums of n + 1 terms, by (n + 2) 2^-53 times the terms'
/// magnitudes; biases are off by bias_unit |b|; the layers after that multiply what has come so far by at most |W|.
inline Eigen::VectorXd forward_rounding(const nn::Network& network, const Eigen::VectorXd& x, double bias_unit = 0) {
  Eigen::VectorXd h = x, error = Eigen::VectorXd::Zero(x.size());
  for (const nn::Layer& layer : network.layers) {
    const Eigen::MatrixXd weight = layer.weight.cast<double>(), size = weight.cwiseAbs();
    const Eigen::VectorXd bias = layer.bias.cast<double>();
    const double unit = static_cast<double>(layer.inputs() + 2) * 0x1.0p-53;
    error = size * error + bias_unit * bias.cwiseAbs() + unit * (size * (h.cwiseAbs() + error) + bias.cwiseAbs());
    h = (weight * h + bias).cwiseMax(0.0);
  }
  return error;
}

/// The logits of both at x differ by no more than rounding explains: compaction rounds each bias once to float32, by 2^-24 |b|.
inline void expect_equal_to_rounding(const nn::Network& masked, const nn::Network& small, const Eigen::VectorXd& x,
                                     const std::string& where) {
  const Eigen::VectorXd difference = (nn::forward(masked, x) - nn::forward(small, x)).cwiseAbs();
  const Eigen::VectorXd allowed = forward_rounding(masked, x) + forward_rounding(small, x, 0x1.0p-24 * (1 + 0x1.0p-20));
  for (Eigen::Index i = 0; i < difference.size(); ++i) EXPECT_LE(difference[i], allowed[i]) << where << ", logit " << i;
}

}  // namespace espalier::testing
