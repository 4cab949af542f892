// Bounds of hidden neurons from what the node's margin has to reach.
#pragma once
#include <cstdint>

#include "branch/node.hpp"
#include "espalier/base/budget.hpp"

namespace espalier::branch {

/// Optimality-based bound tightening by bound propagation. Only inputs whose margin m(x) is above `cutoff_value` matter; for them, and any
/// mu >= 0,
///     g_i(x) <= g_i(x) + mu (m(x) - cutoff_value) <= max over the region of  (e_i + mu a) g + mu (constant - cutoff_value),
/// where a g + constant is the node's own upper bound of the margin, as a function of the neuron's layer; below it the margin's slopes, and
/// its multipliers times mu, serve both terms. Lower bounds likewise. (Kotha et al., "Provably bounding neural network preimages", 2023,
/// optimise mu and all slopes for every neuron; here mu takes two values, at a constant share of the one from which on the margin's own
/// maximiser rules an improvement out.)
/// Layer by layer; a neuron whose phase is decided becomes a split one, because only the margin decides it; node.empty if bounds cross.
/// From then on the node, its bound included, stands only for its inputs whose margin is above cutoff_value. What holds, holds for real
/// arithmetic and float64 as in bounds::Propagation.
/// Returns the rows taken back to the input; throws Interrupted soon after the budget is spent.
/// `margin`: the node's function, its only row.
std::int64_t tighten_by_cutoff(bounds::Propagation& propagation, const bounds::AffineRows& margin, double cutoff_value,
                               const base::Budget& budget, Node& node);

}  // namespace espalier::branch
