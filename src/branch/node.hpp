// A node of the search: phases, bounds, and where the parent's optimisation ended.
#pragma once
#include <Eigen/Core>
#include <cstdint>
#include <limits>
#include <vector>

#include "espalier/bounds/propagation.hpp"

namespace espalier::branch {

using bounds::LayerBounds;
using bounds::Rows;

/// Thrown where a budget was spent within a step of the search. What was worked on is valid, but not finished.
struct Interrupted {};

/// A hidden neuron.
struct Neuron {
  std::size_t layer = 0;
  Eigen::Index index = 0;
};

/// One hidden layer at a node; entries by neuron.
struct LayerState {
  LayerBounds bounds;
  Eigen::RowVectorXd slope;             ///< lower slope, where the neuron is open
  Eigen::RowVectorXd split_multiplier;  ///< >= 0 where split to g >= 0, <= 0 where split to g <= 0, else 0
  Eigen::RowVectorXd split;             ///< 1: g >= 0, -1: g <= 0, 0: not split

  bool open(Eigen::Index i) const { return bounds.lower[i] < 0 && bounds.upper[i] > 0; }
};

struct Node {
  std::vector<LayerState> layers;
  Eigen::Index function = 0;  ///< of the objective, whose maximum it bounds
  double bound = std::numeric_limits<double>::infinity();
  Eigen::Index last_split_layer = 0;
  bool empty = false;            ///< crossed bounds: no input has these phases, or none of them has a margin that matters
  std::vector<Neuron> violated;  ///< where the maximiser of its linear program has h > max(0, g); empty if none was solved

  std::int64_t unstable_neurons() const {
    std::int64_t count = 0;
    for (const LayerState& layer : layers) count += ((layer.bounds.lower.array() < 0) && (layer.bounds.upper.array() > 0)).count();
    return count;
  }

  std::size_t bytes() const {
    std::size_t numbers = 0;
    for (const LayerState& layer : layers) numbers += 5 * static_cast<std::size_t>(layer.slope.size());
    return sizeof(Node) + layers.size() * sizeof(LayerState) + numbers * sizeof(double) + violated.size() * sizeof(Neuron);
  }

  /// Restricts a neuron to one side of its kink.
  void fix(Neuron neuron, bool on) {
    violated.clear();
    LayerState& layer = layers[neuron.layer];
    (on ? layer.bounds.lower : layer.bounds.upper)[neuron.index] = 0;
    layer.split[neuron.index] = on ? 1 : -1;
    last_split_layer = static_cast<Eigen::Index>(neuron.layer);
  }
};

}  // namespace espalier::branch
