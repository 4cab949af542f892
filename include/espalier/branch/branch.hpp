// Branch and bound on ReLU phases: a search made for networks, with bound propagation in place of most linear programs.
#pragma once
#include <Eigen/Core>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>

#include "espalier/bounds/bounds.hpp"
#include "espalier/nn/network.hpp"
#include "espalier/problem/ball.hpp"

namespace espalier::branch {

/// What is asked: the maximum of y[target] - y[label] of `network` over `ball`. `bounds` are valid for both.
struct Query {
  const nn::Network& network;
  const problem::Ball& ball;
  int label = 0;
  int target = 0;
  const bounds::Bounds& bounds;
};

struct Point {
  Eigen::VectorXd input;
  double margin = 0;
};

struct Options {
  std::optional<double> cutoff;  ///< only whether the maximum is above this is asked; else the maximum itself
  double relative_gap = 1e-6;    ///< a node is closed when its bound is at most best + max(absolute_gap, relative_gap |best|)
  double absolute_gap = 1e-9;
  std::int64_t node_limit = -1;                                         ///< -1: none
  double time_limit_seconds = std::numeric_limits<double>::infinity();  ///< wall; looked at between batches
  std::optional<Point> start;
  /// Told of every point that is better than all before, start included; true: stop. May be empty.
  std::function<bool(const Eigen::VectorXd& input, double margin)> on_improvement;
  std::function<void(double bound)> on_bound;  ///< told of every bound that is lower than all before; may be empty
  std::function<bool()> stop_requested;        ///< polled between batches; may be empty
};

enum class End {
  closed,      ///< every node is closed: the gap, or the cutoff, is proven
  unresolved,  ///< every node is closed, but one only up to the tolerance of its linear program, which is above the gap
  nodes,
  time,
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
/// A node fixes the phases of some neurons. Bounding it: backward propagation with lower slopes and split multipliers improved by projected
/// Adam (beta-CROWN, Wang et al. 2021) from the parent's, after bounds of the open neurons behind the split have been renewed; a neuron
/// whose bounds decide its phase is fixed. Every iterate's maximiser over the ball is a feasible input and is tried. Branching: of the
/// neurons whose lines cost most, the one with the best product of improvements in one trial pass per phase; a phase whose trial closes
/// it is not branched on. A node without open neurons, or one that bound propagation does not move, is bounded by its linear program; the
/// program's dual values become slopes and multipliers, so its bound is as safe as any other.
/// Deterministic, unless a time limit or the caller stops it. Needs a network with a hidden layer. Throws
/// base::Error if the bounds do not fit or cross (bounds::check).
Outcome run(const Query& query, const Options& options);

}  // namespace espalier::branch
