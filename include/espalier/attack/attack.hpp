// Primal search for adversarial inputs without a MILP: batched multi-start Frank-Wolfe.
// Symbols: src/NOTATION.md.
#pragma once
#include <Eigen/Core>
#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include "espalier/nn/objective.hpp"
#include "espalier/problem/region.hpp"

namespace espalier::attack {

struct AttackOptions {
  int starts = 16;      ///< points that are improved side by side; the first is the clean image
  int iterations = 40;  ///< steps of every point
  std::uint64_t seed = 0;
  double time_limit_seconds = std::numeric_limits<double>::infinity();  ///< wall; looked at every 0.1 s
  /// Told of every point that is better than all before; true: stop. May be empty.
  std::function<bool(const Eigen::VectorXd& input, double margin)> on_improvement;
  std::function<bool()> stop_requested;  ///< polled as the time limit is; may be empty
};

struct AttackResult {
  Eigen::VectorXd input;   ///< the best point, in the region up to rounding
  double margin = 0;       ///< the objective there, as computed here: a claim, see certify
  std::int64_t steps = 0;  ///< of all points together
  bool complete = true;    ///< false: the time limit, stop_requested or on_improvement ended it
};

/// Looks for a large objective over the region. Every point moves by Frank-Wolfe: the gradient's exact
/// maximiser over B (a fractional knapsack) is the end of a segment, along which the margin, piecewise linear, is maximised exactly from
/// kink to kink. The points differ in how far the derivative of ReLU is smoothed, which falls from step to step; points that stand still
/// are thrown to a new random place, and where the gradient is exactly 0 a random direction takes its place. Of several functions every
/// point has one at a time, the largest at the clean input first, and another one after it stood still. Never worse than the clean image.
/// Deterministic by seed, unless a time limit cuts it. Frank and Wolfe (1956); Lacoste-Julien (2016) for objectives that are not concave.
/// Throws base::Error(data) if the region's dimension is not the network's, base::Error(configuration) if starts < 1 or iterations < 0.
[[nodiscard]] AttackResult run_attack(const nn::Network& network, const problem::Region& region, const nn::Objective& objective,
                                      const AttackOptions& options = {});

}  // namespace espalier::attack
