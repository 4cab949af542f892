// Lines of bound propagation, one row per node.
#pragma once
#include <span>
#include <vector>

#include "branch/node.hpp"

namespace espalier::branch {

/// By hidden layer, row r for nodes[r]: the relaxation that its bounds give, with its own slopes and multipliers.
std::vector<bounds::LayerRelaxation> lines_of(std::span<Node* const> nodes);

/// Row `row` of the relaxation, `rows` times.
std::vector<bounds::LayerRelaxation> repeat(std::span<const bounds::LayerRelaxation> relaxation, Eigen::Index row, Eigen::Index rows);

}  // namespace espalier::branch
