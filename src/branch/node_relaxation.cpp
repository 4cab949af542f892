#include "branch/node_relaxation.hpp"

namespace espalier::branch {

namespace {

bounds::LayerRelaxation empty_lines(Eigen::Index rows, Eigen::Index width) {
  return {.upper_slope = Rows(rows, width),
          .upper_intercept = Rows(rows, width),
          .lower_slope = Rows(rows, width),
          .split_multiplier = Rows(rows, width)};
}

/// Row r of the relaxation becomes the node's; with the slopes that fit the bounds, or the node's own.
void set_row(const LayerState& layer, Eigen::Index r, bounds::LayerRelaxation& relaxation) {
  for (Eigen::Index i = 0; i < layer.slope.size(); ++i) {
    const bounds::LinearRelaxation relu = bounds::linear_relaxation(layer.bounds.lower[i], layer.bounds.upper[i]);
    relaxation.upper_slope(r, i) = relu.upper_slope;
    relaxation.upper_intercept(r, i) = relu.upper_intercept;
    relaxation.lower_slope(r, i) = layer.open(i) ? layer.slope[i] : relu.lower_slope;
  }
  relaxation.split_multiplier.row(r) = layer.split_multiplier;
}

}  // namespace

std::vector<bounds::LayerRelaxation> lines_of(std::span<Node* const> nodes) {
  std::vector<bounds::LayerRelaxation> relaxation;
  for (std::size_t k = 0; k < nodes.front()->layers.size(); ++k) {
    relaxation.push_back(empty_lines(static_cast<Eigen::Index>(nodes.size()), nodes.front()->layers[k].slope.size()));
    for (std::size_t r = 0; r < nodes.size(); ++r) set_row(nodes[r]->layers[k], static_cast<Eigen::Index>(r), relaxation.back());
  }
  return relaxation;
}

std::vector<bounds::LayerRelaxation> repeat(std::span<const bounds::LayerRelaxation> relaxation, Eigen::Index row, Eigen::Index rows) {
  std::vector<bounds::LayerRelaxation> repeated;
  for (const bounds::LayerRelaxation& line : relaxation) {
    repeated.push_back({.upper_slope = line.upper_slope.row(row).replicate(rows, 1),
                        .upper_intercept = line.upper_intercept.row(row).replicate(rows, 1),
                        .lower_slope = line.lower_slope.row(row).replicate(rows, 1),
                        .split_multiplier = line.split_multiplier.row(row).replicate(rows, 1)});
  }
  return repeated;
}

}  // namespace espalier::branch
