// Norms of the groups [w_i, b_i] of a layer, a block of rows at a time: weights are column-major in the trainer's buffers, and nothing
// may be allocated in a training step.
#pragma once
#include <algorithm>

#include "espalier/train/regulariser.hpp"

namespace espalier::train {

constexpr Eigen::Index row_block = 64;
using RowArray = Eigen::Array<double, Eigen::Dynamic, 1, 0, row_block, 1>;  // on the stack

struct RowNorms {
  RowArray two;       ///< ||g_i||_2
  RowArray infinity;  ///< ||g_i||_inf
};

/// Calls visit(first_row, norms) for each block of rows.
template <class Visit>
void for_row_blocks(const LayerView<float>& layer, Visit&& visit) {
  for (Eigen::Index first = 0; first < layer.weight.rows(); first += row_block) {
    const Eigen::Index count = std::min(row_block, layer.weight.rows() - first);
    RowArray entry = layer.bias.segment(first, count).cast<double>().array().abs();
    RowNorms norms{entry.square(), entry};
    for (Eigen::Index j = 0; j < layer.weight.cols(); ++j) {
      entry = layer.weight.col(j).segment(first, count).cast<double>().array().abs();
      norms.two += entry.square();
      norms.infinity = norms.infinity.max(entry);
    }
    norms.two = norms.two.sqrt();
    visit(first, norms);
  }
}

/// gradient of rows [first, first + factors.size()) += factor_i * g_i.
inline void add_scaled_rows(const LayerView<float>& layer, Eigen::Index first, const RowArray& factors, LayerView<float>& gradient) {
  const Eigen::Array<float, Eigen::Dynamic, 1, 0, row_block, 1> factor = factors.cast<float>();
  gradient.bias.segment(first, factor.size()).array() += factor * layer.bias.segment(first, factor.size()).array();
  for (Eigen::Index j = 0; j < layer.weight.cols(); ++j)
    gradient.weight.col(j).segment(first, factor.size()).array() += factor * layer.weight.col(j).segment(first, factor.size()).array();
}

}  // namespace espalier::train
