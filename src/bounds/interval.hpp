// Interval arithmetic in float64, padded outward.
#pragma once
#include <Eigen/Core>

#include "espalier/bounds/bounds.hpp"
#include "espalier/nn/network.hpp"

namespace espalier::bounds {

/// Relative padding for a sum of `terms` products: twice the classical gamma_m = m u / (1 - m u) with m = terms + 2 and u = 2^-53, once for
/// the rounding of the bound itself and once for that of a forward pass that is compared with it (Higham, Accuracy and Stability,
/// section 3.1; the quotient is absorbed by the 2 extra terms). 0 terms: no rounding, no padding.
double padding_factor(Eigen::Index terms);

/// W h + b over lower <= h <= upper: lower_i = b_i + sum_k min(w_ik lower_k, w_ik upper_k), upper alike; zero weights count for nothing,
/// so that a neuron without weights has lower == upper == b exactly.
LayerBounds affine_image(const nn::Layer& layer, const Eigen::VectorXd& lower, const Eigen::VectorXd& upper);

/// Appends the bounds of the layers that `bounds` lacks: each is the image of max(0, .) of the interval before it.
void propagate_intervals(const nn::Network& network, Bounds& bounds);

}  // namespace espalier::bounds
