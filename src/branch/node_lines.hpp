// Lines of bound propagation, one row per node.
#pragma once
#include <span>
#include <vector>

#include "branch/node.hpp"

namespace espalier::branch {

/// By hidden layer, row r for nodes[r]: the lines that its bounds give, with its own slopes and multipliers.
std::vector<bounds::LayerLines> lines_of(std::span<Node* const> nodes);

/// Row `row` of the lines, `rows` times.
std::vector<bounds::LayerLines> repeat(std::span<const bounds::LayerLines> lines, Eigen::Index row, Eigen::Index rows);

}  // namespace espalier::branch
