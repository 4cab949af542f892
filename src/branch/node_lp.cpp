#include "branch/node_lp.hpp"

#include <algorithm>

namespace espalier::branch {

using milp::infinity;

namespace {

/// Per unit of g. Far above any split multiplier that matters, and small enough for the simplex method's tolerances.
constexpr double price_of_violation = 1e6;

}  // namespace

NodeLp::NodeLp(const Query& query) : query_(query) {
  for (const nn::Layer& layer : query.network.layers) weights_.emplace_back(layer.weight.cast<double>());
  weights_.pop_back();
  for (const nn::OutputFunction& function : query.objective.functions)
    outputs_.push_back(output_row(function, query.network.layers.back()));
}

void NodeLp::set_output(const nn::OutputRow& output) {
  outputs_ = {output};
  select(0);
}

void NodeLp::select(std::size_t function) {
  function_ = function;
  if (program_) program_->set_objective(objective(), outputs_[function_].bias);
}

std::vector<milp::Term> NodeLp::objective() const {
  std::vector<milp::Term> terms;
  const Eigen::RowVectorXd& weight = outputs_[function_].weight;
  for (Eigen::Index j = 0; j < weight.size(); ++j) terms.push_back({neurons_.back()[static_cast<std::size_t>(j)].h, weight[j]});
  terms.push_back({violation_, -price_of_violation});
  return terms;
}

milp::Model NodeLp::build() {
  milp::Model model;
  input_ = problem::RegionColumns(model, query_.region);
  violation_ = model.add_column({.lower = 0, .upper = 0, .name = {}});
  const auto add_row = [&model](milp::RowData row) {
    model.add_row(std::move(row));
    return static_cast<int>(model.rows().size()) - 1;
  };
  for (std::size_t k = 0; k < weights_.size(); ++k) {
    neurons_.emplace_back();
    for (Eigen::Index i = 0; i < weights_[k].rows(); ++i) {
      Columns c{.g = model.add_column({.lower = -infinity, .name = {}}), .h = model.add_column({.lower = -infinity, .name = {}})};
      double constant = query_.network.layers[k].bias[i];
      milp::RowData definition{.terms = {{c.g, 1}}, .name = {}};
      for (Eigen::Index j = 0; j < weights_[k].cols(); ++j) {
        const double w = weights_[k](i, j);
        if (w == 0) continue;
        const auto n = static_cast<std::size_t>(j);
        if (k > 0) {
          definition.terms.push_back({neurons_[k - 1][n].h, -w});
        } else {
          constant += w * query_.region.centre[j];
          input_.append(definition.terms, j, -w);
        }
      }
      definition.lower = definition.upper = constant;
      c.definition = add_row(std::move(definition));
      c.above = add_row({.lower = 0, .terms = {{c.h, 1}, {c.g, -1}}, .name = {}});
      c.chord = add_row({.terms = {{c.h, 1}, {c.g, -1}}, .name = {}});
      c.side = add_row({.terms = {{c.g, 1}, {violation_, 1}}, .name = {}});
      neurons_.back().push_back(c);
    }
  }
  model.set_objective(milp::Sense::maximise, objective(), outputs_[function_].bias);
  return model;
}

void NodeLp::set(const Node& node) {
  for (std::size_t k = 0; k < neurons_.size(); ++k) {
    const LayerState& layer = node.layers[k];
    for (Eigen::Index i = 0; i < layer.slope.size(); ++i) {
      const Columns& c = neurons_[k][static_cast<std::size_t>(i)];
      const double split = layer.split[i];
      const bool open = layer.open(i), on = !open && layer.bounds.lower[i] >= 0;
      const bounds::LinearRelaxation relaxation = bounds::linear_relaxation(layer.bounds.lower[i], layer.bounds.upper[i]);
      program_->set_row_bounds(c.side, split > 0 ? 0 : -infinity, split < 0 ? 0 : infinity);
      if (split != 0) program_->set_coefficient(c.side, violation_, split);
      program_->set_column_bounds(c.h, on ? -infinity : 0, open || on ? infinity : 0);
      program_->set_row_bounds(c.above, open || on ? 0 : -infinity, on ? 0 : infinity);
      program_->set_row_bounds(c.chord, -infinity, open ? relaxation.upper_intercept : infinity);
      if (open) program_->set_coefficient(c.chord, c.g, -relaxation.upper_slope);
    }
  }
}

void NodeLp::take_duals(const milp::LinearProgram::Solution& solution, Node& node) const {
  Eigen::RowVectorXd post = outputs_[function_].weight;
  for (std::size_t k = neurons_.size(); k-- > 0;) {
    LayerState& layer = node.layers[k];
    Eigen::RowVectorXd pre(post.size());
    for (Eigen::Index i = 0; i < post.size(); ++i) {
      const double wanted = solution.row_duals[static_cast<std::size_t>(neurons_[k][static_cast<std::size_t>(i)].definition)];
      const bounds::LinearRelaxation relaxation = bounds::linear_relaxation(layer.bounds.lower[i], layer.bounds.upper[i]);
      double slope = post[i] >= 0 ? relaxation.upper_slope : relaxation.lower_slope;
      layer.split_multiplier[i] = 0;
      if (layer.open(i)) {
        if (post[i] < 0) layer.slope[i] = slope = std::clamp(wanted / post[i], 0.0, 1.0);
      } else if (layer.split[i] > 0) {
        layer.split_multiplier[i] = std::max(0.0, wanted - slope * post[i]);
      } else if (layer.split[i] < 0) {
        layer.split_multiplier[i] = std::min(0.0, wanted - slope * post[i]);
      }
      pre[i] = slope * post[i] + layer.split_multiplier[i];
    }
    if (k > 0) post = pre * weights_[k];
  }
}

std::vector<Neuron> NodeLp::violated(const milp::LinearProgram::Solution& solution, const Node& node) const {
  constexpr double tolerance = 1e-6;
  std::vector<Neuron> neurons;
  for (std::size_t k = 0; k < neurons_.size(); ++k) {
    for (std::size_t i = 0; i < neurons_[k].size(); ++i) {
      const auto value = [&solution](milp::Column column) { return solution.x[static_cast<std::size_t>(column.index)]; };
      const auto index = static_cast<Eigen::Index>(i);
      if (node.layers[k].open(index) && value(neurons_[k][i].h) > std::max(0.0, value(neurons_[k][i].g)) + tolerance)
        neurons.push_back({.layer = k, .index = index});
    }
  }
  return neurons;
}

std::optional<Eigen::VectorXd> NodeLp::solve(Node& node, Bounding& bounding, const base::Budget& budget) {
  if (const auto function = static_cast<std::size_t>(node.function); function != function_) select(function);
  if (!program_) program_.emplace(build());
  set(node);
  ++solved_;
  program_->set_column_bounds(violation_, 0, 0);
  milp::LinearProgram::Solution solution = program_->solve(budget);
  const bool feasible = solution.status == milp::LinearProgram::Status::optimal;
  if (!feasible && solution.status != milp::LinearProgram::Status::interrupted) {
    program_->set_column_bounds(violation_, 0, infinity);
    solution = program_->solve(budget);
  }
  if (solution.status == milp::LinearProgram::Status::interrupted) throw Interrupted{};
  if (solution.status != milp::LinearProgram::Status::optimal) return std::nullopt;
  Node evaluation = node;
  take_duals(solution, evaluation);
  evaluation.bound = bounding.evaluate(evaluation);
  if (evaluation.bound < node.bound) node = std::move(evaluation);
  if (!feasible) return std::nullopt;
  node.violated = violated(solution, node);
  return input_.read(solution.x);
}

}  // namespace espalier::branch
