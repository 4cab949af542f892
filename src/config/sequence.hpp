// Lists that are described instead of written down.
#pragma once
#include <optional>

#include "config/document.hpp"
#include "config/problems.hpp"

namespace espalier::config {

/// Whether the node is meant to be one of the maps below: has one of the keys range, linspace, logspace, sample.
bool is_sequence_map(const Node& node);

/// The list that a map stands for, as if somebody had typed its values:
///   {range: [first, last, step]}                    first, first + step, ..., up to and including last; computed in decimals, so that
///                                                   [0.1, 0.9, 0.1] is 0.1, 0.2, ..., 0.9 to the bit
///   {linspace: [a, b, n]}                           n >= 2 equidistant reals from a to b, both included; each is a + k (b - a) / (n - 1),
///                                                   computed in extended precision and rounded once
///   {logspace: [a, b, n]}                           10 to the power of each value of that linspace, as in NumPy and MATLAB
///   {sample: n, from: [first, last], seed: s}       n different integers drawn from first, ..., last, in the order in which they are
///   drawn: a
///                                                   larger n keeps those of a smaller one; the seed is 0 unless given
/// At most 10,000,000 values. Empty, after a problem, if the map is none of them.
std::optional<Node> expand_sequence(const Node& node, const Place& place, Problems& problems);

}  // namespace espalier::config
