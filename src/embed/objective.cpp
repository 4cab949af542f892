#include "embed/objective.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace espalier::embed {

ModelObjective::ModelObjective(milp::Model& model, const Query& query, std::vector<Affine> functions) : objective_(query.objective) {
  if (functions.size() == 1) {
    model.set_objective(milp::Sense::maximise, std::move(functions.front().terms), functions.front().constant);
    return;
  }
  const bounds::LayerBounds range = function_bounds(query.bounds, objective_);
  const double largest = range.upper.maxCoeff();
  largest_ = model.add_column({.lower = range.lower.maxCoeff(), .upper = largest, .name = "t"});
  std::vector<milp::Term> chosen;
  for (std::size_t k = 0; k < functions.size(); ++k) {
    z_.push_back(model.add_binary(fmt::format("choose_{}", k)));
    chosen.push_back({z_.back(), 1});
    const double big_m = largest - range.lower[static_cast<Eigen::Index>(k)];
    milp::RowData row{.upper = functions[k].constant + big_m, .terms = {{largest_, 1}}, .name = fmt::format("largest_{}", k)};
    for (const milp::Term& term : functions[k].terms) row.terms.push_back({term.column, -term.coefficient});
    if (big_m != 0) row.terms.push_back({z_.back(), big_m});
    model.add_row(std::move(row));
  }
  model.add_row({.lower = 1, .upper = 1, .terms = std::move(chosen), .name = "choose_one"});
  model.set_objective(milp::Sense::maximise, {{largest_, 1}});
}

void ModelObjective::write(std::vector<double>& point, const Eigen::VectorXd& y) const {
  if (z_.empty()) return;
  std::size_t largest = 0;
  for (std::size_t k = 1; k < z_.size(); ++k)
    if (objective_.functions[k](y) > objective_.functions[largest](y)) largest = k;
  set(point, largest_, objective_.functions[largest](y));
  set(point, z_[largest], 1);
}

}  // namespace espalier::embed
