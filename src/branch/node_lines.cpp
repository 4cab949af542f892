#include "branch/node_lines.hpp"

namespace espalier::branch {

namespace {

bounds::LayerLines empty_lines(Eigen::Index rows, Eigen::Index width) {
  return {.upper_slope = Rows(rows, width),
          .upper_intercept = Rows(rows, width),
          .lower_slope = Rows(rows, width),
          .multiplier = Rows(rows, width)};
}

/// Row r of the lines becomes the node's; with the slopes that fit the bounds, or the node's own.
void set_row(const LayerState& layer, Eigen::Index r, bounds::LayerLines& lines) {
  for (Eigen::Index i = 0; i < layer.slope.size(); ++i) {
    const bounds::ReluLines relu = bounds::relu_lines(layer.bounds.lower[i], layer.bounds.upper[i]);
    lines.upper_slope(r, i) = relu.upper_slope;
    lines.upper_intercept(r, i) = relu.upper_intercept;
    lines.lower_slope(r, i) = layer.open(i) ? layer.slope[i] : relu.lower_slope;
  }
  lines.multiplier.row(r) = layer.multiplier;
}

}  // namespace

std::vector<bounds::LayerLines> lines_of(std::span<Node* const> nodes) {
  std::vector<bounds::LayerLines> lines;
  for (std::size_t k = 0; k < nodes.front()->layers.size(); ++k) {
    lines.push_back(empty_lines(static_cast<Eigen::Index>(nodes.size()), nodes.front()->layers[k].slope.size()));
    for (std::size_t r = 0; r < nodes.size(); ++r) set_row(nodes[r]->layers[k], static_cast<Eigen::Index>(r), lines.back());
  }
  return lines;
}

std::vector<bounds::LayerLines> repeat(std::span<const bounds::LayerLines> lines, Eigen::Index row, Eigen::Index rows) {
  std::vector<bounds::LayerLines> repeated;
  for (const bounds::LayerLines& line : lines) {
    repeated.push_back({.upper_slope = line.upper_slope.row(row).replicate(rows, 1),
                        .upper_intercept = line.upper_intercept.row(row).replicate(rows, 1),
                        .lower_slope = line.lower_slope.row(row).replicate(rows, 1),
                        .multiplier = line.multiplier.row(row).replicate(rows, 1)});
  }
  return repeated;
}

}  // namespace espalier::branch
