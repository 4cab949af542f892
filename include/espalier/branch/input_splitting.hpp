// Branch and bound on the inputs, for networks of few inputs: a box is halved until bounds answer for its parts.
// Symbols: src/NOTATION.md.
#pragma once
#include "espalier/branch/branch.hpp"
#include "espalier/problem/property.hpp"

namespace espalier::branch {

struct InputSplittingOptions {
  std::int64_t node_limit = -1;  ///< boxes; -1: none
  base::Budget budget = {};
  /// Told of every input of the box that is better than all before, with its margin (problem::margin over this box), by a forward pass in
  /// float64; true: stop. May be empty.
  std::function<bool(const Eigen::VectorXd& input, double margin)> on_improvement;
};

/// Whether every input of the box is safe: End::closed if the bound on the margin is below 0 in every part, End::unresolved if a part that
/// is too small to be halved is left, else what ended it. In a part, bounds of the hidden neurons are those of the part before it, narrowed
/// (bounds::narrow), and a conjunction is closed if one of its functions is below 0 by backward propagation. A part with the open ones
/// left is halved along the input whose width weighs most in the bounds that came closest to closing them. Depth first, the half with the
/// larger bound first: memory grows with the depth only. The functions' maximisers of the relaxation and the middle of each part are tried
/// as inputs. (ReluVal, Wang et al. 2018, with CROWN's bounds in place of symbolic intervals.)
/// Outcome::bound is at least the largest margin of the parts that are not closed, or below 0. Deterministic, unless the budget or the
/// caller ends it. Throws base::Error(data) if the sizes do not fit.
[[nodiscard]] Outcome split_inputs(const nn::Network& network, const problem::BoxQuestion& question, const InputSplittingOptions& options);

}  // namespace espalier::branch
