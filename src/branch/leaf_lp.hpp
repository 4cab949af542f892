// The convex program of a node without unstable neurons, in the inputs alone.
#pragma once
#include <optional>

#include "branch/bounding.hpp"
#include "espalier/base/budget.hpp"

namespace espalier::branch {

/// Where all phases are fixed, every pre-activation is an affine function g_i(x) = a_i x + d_i, and so is the margin, c x + d:
///   maximise c x + d over the region subject to s_i g_i(x) >= 0 for the neurons whose phase is the node's (s_i = 1 on, -1 off), not the
///   root's.
/// The same as NodeLp's, without its columns and rows for the neurons, and every row and the objective of Euclidean norm 1: it
/// has no tolerances in units that differ with the weights, and is solved where NodeLp's answer leaves a leaf open. By decomposition,
/// over any region: of it no more is asked than the maxima of linear functions.
/// Its dual values are the node's multipliers; they are kept if that lowers node.bound, evaluated by bounding. If no input has the node's
/// phases, they are those of the least violation of the sides, times what brings the bound below `cutoff_value`. The maximiser; nothing
/// without one, or if Clp fails. Throws Interrupted, the node as it was, when the budget is spent.
std::optional<Eigen::VectorXd> solve_leaf(const Query& query, Bounding& bounding, const base::Budget& budget, double cutoff_value,
                                          Node& node);

}  // namespace espalier::branch
