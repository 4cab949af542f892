// Branch and bound on ReLU phases: a search made for networks, with bound propagation in place of most linear programs.
// Symbols: src/NOTATION.md.
#pragma once
#include <Eigen/Core>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>

#include "espalier/bounds/bounds.hpp"
#include "espalier/nn/network.hpp"
#include "espalier/problem/region.hpp"

namespace espalier::branch {

/// What is asked: the maximum of the objective of `network` over `region`. `bounds` are valid for both.
struct Query {
  const nn::Network& network;
  const problem::Region& region;
  nn::Objective objective;
  const bounds::Bounds& bounds;
};

struct Point {
  Eigen::VectorXd input;
  double margin = 0;
};

struct Options {
  std::optional<double> cutoff;  ///< only whether the maximum is above this is asked; else the maximum itself
  /// A node is closed when its bound is at most best + max(absolute_gap, relative_gap |best|, r). r is twice what float64 may round in the
  /// output layer, in the bound and at the best point, so that no branching can close a gap below it: ordinary networks have far less, a
  /// margin whose weights cancel, as one that is 0 everywhere, has nothing else.
  double relative_gap = 1e-6;
  double absolute_gap = 1e-9;
  std::int64_t node_limit = -1;                                         ///< -1: none; passed by at most one batch, 16 nodes
  double time_limit_seconds = std::numeric_limits<double>::infinity();  ///< wall; looked at every 0.1 s, also within a batch
  double memory_limit_mib = 4096;                                       ///< of the nodes that wait; 0: none
  std::optional<Point> start;
  /// Told of every point that is better than all before, start included; true: stop. May be empty.
  std::function<bool(const Eigen::VectorXd& input, double margin)> on_improvement;
  std::function<void(double bound)> on_bound;  ///< told of every bound that is lower than all before; may be empty
  std::function<bool()> stop_requested;        ///< polled as the time limit is; may be empty
};

enum class End {
  closed,      ///< every node is closed: the gap, or the cutoff, is proven
  unresolved,  ///< every node is closed, but one only up to what float64 can tell of its linear program, which is above the gap
  nodes,
  time,
  memory,   ///< the nodes that wait, closed ones dropped, fill their limit
  stopped,  ///< by a function of the caller's
};

struct Outcome {
  End end = End::stopped;
  double bound =
      std::numeric_limits<double>::infinity();  ///< upper bound on the maximum; padded outward for rounding (bounds::Propagation)
  std::optional<Point> best;
  std::int64_t nodes = 0;   ///< bounded, the root included
  std::int64_t passes = 0;  ///< rows taken back to the input
  std::int64_t linear_programs = 0;
};

/// Best-first branch and bound in batches.
/// Each of the objective's functions has a root of its own, over the same bounds: a node belongs to one of them, and nodes of all wait in
/// one queue, so that the best margin closes nodes whichever function it is of. A node fixes the phases of some neurons. Bounding it:
/// backward propagation with lower slopes and split multipliers improved by projected Adam (beta-CROWN, Wang et al. 2021) from the
/// parent's, after bounds of the unstable neurons behind the split have been renewed; then optimality-based tightening of all unstable
/// neurons' bounds by the margin that would have to be reached, which fixes phases and closes nodes, and the margin's bound once more.
/// Every iterate's maximiser over the region is a feasible input and is tried. Branching: evaluation passes for all candidates, a few
/// improved passes for the best of them (strong branching), the pair with the best product of improvements; a phase that closes on the way
/// is not branched on. A node without unstable neurons, and now and then one that is nearly closed, is bounded by its linear program; the
/// program's dual values become slopes and multipliers, so its bound is as safe as any other, and the neurons whose ReLU its maximiser
/// violates are the candidates of its branching. (Over a Euclidean ball only the former are, by their convex program, solve_leaf().)
/// Whatever ends it, the bound is valid: that of nodes that wait and of a batch that was not finished is in it. A bound that is NaN, as
/// overflow makes it, proves nothing. Deterministic, unless a time limit or the caller stops it. Needs a network with a hidden layer.
/// Throws base::Error if the bounds do not fit or cross (bounds::check).
[[nodiscard]] Outcome run(const Query& query, const Options& options);

}  // namespace espalier::branch
