// Which neurons and pixels can change the objective at all.
#pragma once
#include <vector>

#include "espalier/embed/embed.hpp"

namespace espalier::embed {

struct LiveNeurons {
  std::vector<std::vector<bool>> neurons;  ///< per hidden layer: stably active or unstable, and read by the objective or by a live neuron
  std::vector<bool> pixels;                ///< read by a live neuron of the first layer (or by the objective if there is no hidden layer)
};

/// Backwards from the objective along non-zero weights.
LiveNeurons find_live_neurons(const Query& query);

}  // namespace espalier::embed
