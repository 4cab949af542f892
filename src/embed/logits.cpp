#include "embed/logits.hpp"

#include <utility>

namespace espalier::embed {

Columns add_logits(milp::Model& model, const Query& query, const Columns& hidden) {
  const std::size_t last = query.network.layers.size() - 1;
  const nn::Layer& layer = query.network.layers[last];
  Columns y;
  for (Eigen::Index i = 0; i < layer.outputs(); ++i) {
    y.push_back(model.add_column({.lower = -milp::infinity, .name = neuron_name("y", last, i)}));
    milp::RowData row{.lower = layer.bias[i], .upper = layer.bias[i], .terms = {{y.back(), 1}}, .name = neuron_name("logit", last, i)};
    append_weighted(row.terms, layer, i, hidden, -1);
    model.add_row(std::move(row));
  }
  model.set_objective(milp::Sense::maximise,
                      {{y[static_cast<std::size_t>(query.target)], 1}, {y[static_cast<std::size_t>(query.label)], -1}});
  return y;
}

}  // namespace espalier::embed
