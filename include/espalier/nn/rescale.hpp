// The same function in units of its own: what is computed from it does not depend on the units that a network comes in.
// Symbols: src/NOTATION.md.
#pragma once
#include <Eigen/Core>
#include <vector>

#include "espalier/nn/network.hpp"
#include "espalier/nn/objective.hpp"

namespace espalier::nn {

/// A network and how it differs from the one that it was made of.
struct Rescaled {
  Network network;                         ///< without masks
  std::vector<Eigen::VectorXi> exponents;  ///< by layer, e: g'_i = 2^e_i g_i of the pre-activations; of the last layer, the logits
  Objective objective;                     ///< of the new logits: 2^objective_exponent times the old one of the old logits
  int objective_exponent = 0;
  /// By logit: |y'_i(x) - 2^e_i y_i(x)| <= deviation_i for every x of [0,1]^n, in real arithmetic. 0 unless weights are so small beside
  /// their neuron's largest (2^-126) that float32 cannot hold both: they are rounded.
  Eigen::VectorXd deviation;
};

/// max(0, s g) = s max(0, g) for s > 0, so neuron i's weights and bias may be multiplied by 2^e_i, and the next layer's weights on it by
/// 2^-e_i, without changing the function; powers of two are exact. First layer to last, e_i is chosen such that the Euclidean norm of the
/// neuron's weights and bias is in [1, 2). All networks that differ by such factors give the same bits. Weights on a neuron that is 0
/// everywhere (no weights, no bias) become 0. Logits that the objective reads share their exponent, by the norm of its largest function's
/// weights and bias, constant apart (at least 2^-24 of the norms of its terms, which is what rounding to float32 leaves of a difference);
/// every other logit has its own.
///
/// Throws base::Error(data) naming the neuron if an exponent is beyond +-800: its values could leave the range of float64.
[[nodiscard]] Rescaled rescale(const Network& network, const Objective& objective);

/// In what absolute tolerances on the objective are counted: 1, and less for a network whose logits are all tiny, by a power of two in
/// proportion to the norm of its largest function's weights and bias (hidden neurons in the units of rescale()), or its largest constant,
/// where these are below 2^-6. Never more: neurons may stay far below what their weights allow, and the margin with them. Throws as
/// rescale().
[[nodiscard]] double margin_unit(const Network& network, const Objective& objective);

}  // namespace espalier::nn
