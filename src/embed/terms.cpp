#include "embed/terms.hpp"

#include <fmt/format.h>

namespace espalier::embed {

std::string neuron_name(std::string_view kind, std::size_t layer, Eigen::Index neuron) {
  return fmt::format("{}_{}_{}", kind, layer, neuron);
}

void append_weighted(std::vector<milp::Term>& terms, const nn::Layer& layer, Eigen::Index neuron, const Columns& columns, double factor) {
  for (Eigen::Index k = 0; k < layer.inputs(); ++k) {
    append(terms, columns[static_cast<std::size_t>(k)], factor * static_cast<double>(layer.weight(neuron, k)));
  }
}

}  // namespace espalier::embed
