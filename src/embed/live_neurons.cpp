#include "embed/live_neurons.hpp"

#include <utility>

namespace espalier::embed {
namespace {

using Flags = std::vector<bool>;

Flags read_by_objective(const Query& query) {
  const nn::OutputRows output = output_rows(query.objective, query.network.layers.back());
  Flags read;
  for (Eigen::Index j = 0; j < output.weight.cols(); ++j) read.push_back(!output.weight.col(j).isZero(0));
  return read;
}

Flags read_by_live(const nn::Layer& layer, const Flags& live) {
  Flags read(static_cast<std::size_t>(layer.inputs()), false);
  for (Eigen::Index i = 0; i < layer.outputs(); ++i) {
    if (!live[static_cast<std::size_t>(i)]) continue;
    for (Eigen::Index j = 0; j < layer.inputs(); ++j) {
      if (layer.weight(i, j) != 0.0F) read[static_cast<std::size_t>(j)] = true;
    }
  }
  return read;
}

bool varies(double lower, double upper) {
  const bounds::ReluCase relu_case = bounds::classify(lower, upper);
  return relu_case == bounds::ReluCase::stably_active || relu_case == bounds::ReluCase::unstable;
}

}  // namespace

LiveNeurons find_live_neurons(const Query& query) {
  LiveNeurons live;
  live.neurons.resize(query.network.hidden_layers());
  Flags read = read_by_objective(query);
  for (std::size_t k = query.network.hidden_layers(); k-- > 0;) {
    Flags& layer = live.neurons[k];
    for (std::size_t i = 0; i < read.size(); ++i) {
      const auto n = static_cast<Eigen::Index>(i);
      layer.push_back(read[i] && varies(query.bounds.layers[k].lower[n], query.bounds.layers[k].upper[n]));
    }
    read = read_by_live(query.network.layers[k], layer);
  }
  live.pixels = std::move(read);
  return live;
}

}  // namespace espalier::embed
