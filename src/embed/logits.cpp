#include "embed/logits.hpp"

#include <utility>

namespace espalier::embed {

Logits::Logits(milp::Model& model, const Query& query, const Columns& hidden) {
  const std::size_t last = query.network.layers.size() - 1;
  const nn::Layer& layer = query.network.layers[last];
  for (Eigen::Index i = 0; i < layer.outputs(); ++i) {
    y_.push_back(model.add_column({.lower = -milp::infinity, .name = neuron_name("y", last, i)}));
    milp::RowData row{.lower = layer.bias[i], .upper = layer.bias[i], .terms = {{y_.back(), 1}}, .name = neuron_name("logit", last, i)};
    append_weighted(row.terms, layer, i, hidden, -1);
    model.add_row(std::move(row));
  }
  std::vector<Affine> functions;
  for (const nn::OutputFunction& function : query.objective.functions) {
    functions.push_back({.constant = function.constant, .terms = {}});
    for (Eigen::Index i = 0; i < layer.outputs(); ++i)
      append(functions.back().terms, y_[static_cast<std::size_t>(i)], function.coefficients[i]);
  }
  objective_ = ModelObjective(model, query, std::move(functions));
}

void Logits::write(std::vector<double>& point, const Eigen::VectorXd& y) const {
  for (Eigen::Index i = 0; i < y.size(); ++i) set(point, y_[static_cast<std::size_t>(i)], y[i]);
  objective_.write(point, y);
}

}  // namespace espalier::embed
