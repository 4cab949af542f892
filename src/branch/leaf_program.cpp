#include "branch/leaf_program.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "espalier/milp/linear_program.hpp"
#include "espalier/problem/region_columns.hpp"

namespace espalier::branch {
namespace {

/// Affine functions of the input, one a row.
struct Affine {
  Rows weight;
  Eigen::VectorXd bias;
};

Affine first(const nn::Layer& layer) { return {.weight = layer.weight.cast<double>(), .bias = layer.bias.cast<double>()}; }

/// The layer's pre-activations from its inputs'. In blocks of rows, each a few hundredths of a second in the widest networks.
Affine after(const nn::Layer& layer, const Affine& h, const base::Budget& budget) {
  constexpr Eigen::Index block = 64;
  const Rows weight = layer.weight.cast<double>();
  Affine g{.weight = Rows(weight.rows(), h.weight.cols()), .bias = weight * h.bias + layer.bias.cast<double>()};
  for (Eigen::Index i = 0; i < weight.rows(); i += block) {
    if (budget.spent()) throw Interrupted{};
    const Eigen::Index rows = std::min(block, weight.rows() - i);
    g.weight.middleRows(i, rows).noalias() = weight.middleRows(i, rows) * h.weight;
  }
  return g;
}

/// A split neuron's side: sign (weight x + bias) >= 0.
struct Side {
  Neuron neuron;
  double sign = 0;
  Eigen::RowVectorXd weight;
  double bias = 0;
};

class LeafProgram {
 public:
  LeafProgram(const Query& query, const base::Budget& budget, const Node& node) : region_(query.region), budget_(budget) {
    Affine h;
    for (std::size_t k = 0; k < node.layers.size(); ++k) {
      h = k == 0 ? first(query.network.layers[k]) : after(query.network.layers[k], h, budget);
      const LayerState& layer = node.layers[k];
      for (Eigen::Index i = 0; i < layer.split.size(); ++i) {
        if (layer.split[i] != 0 && h.weight.row(i).norm() > 0)
          sides_.push_back({.neuron = {.layer = k, .index = i}, .sign = layer.split[i], .weight = h.weight.row(i), .bias = h.bias[i]});
        if (layer.bounds.lower[i] >= 0) continue;  // on
        h.weight.row(i).setZero();
        h.bias[i] = 0;
      }
    }
    const nn::OutputFunction& function = query.objective.functions[static_cast<std::size_t>(node.function)];
    const nn::OutputRow output = output_row(function, query.network.layers.back());
    margin_ = output.weight * h.weight;
    constant_ = output.weight.dot(h.bias) + output.bias;
    input_ = problem::RegionColumns(model_, region_);
    violation_ = model_.add_column({.upper = 0, .name = {}});
    first_side_ = model_.rows().size();
    for (const Side& side : sides_) add_row(side);
    model_.set_objective(milp::Sense::maximise, terms(margin_ / margin_size()));
  }

  milp::LinearProgram::Solution maximise() const { return milp::LinearProgram(model_).solve(budget_); }

  /// By how much the rows have to be violated at least: the objective is its negative.
  milp::LinearProgram::Solution minimise_violation() const {
    milp::LinearProgram program(model_);
    program.set_column_bounds(violation_, 0, milp::infinity);
    program.set_objective({{violation_, -1}}, 0);
    return program.solve(budget_);
  }

  /// The margin's maximum over the region, were the phases' sides no constraints.
  double bound_without_sides() const {
    return margin_ * region_.centre + constant_ + problem::maximise_linear(region_, margin_.transpose()).value;
  }
  double margin_size() const { return margin_.norm() > 0 ? margin_.norm() : 1.0; }

  Eigen::VectorXd input(const milp::LinearProgram::Solution& solution) const { return input_.read(solution.x); }

  /// Multipliers are the dual values times `factor`. A row's is the change of the objective per unit of its lower bound: not positive.
  void set_multipliers(const milp::LinearProgram::Solution& solution, double factor, Node& node) const {
    for (LayerState& layer : node.layers) layer.split_multiplier.setZero();
    for (std::size_t n = 0; n < sides_.size(); ++n) {
      const double price = std::max(0.0, -solution.row_duals[first_side_ + n]) * factor / sides_[n].weight.norm();
      node.layers[sides_[n].neuron.layer].split_multiplier[sides_[n].neuron.index] = sides_[n].sign * price;
    }
  }

 private:
  std::vector<milp::Term> terms(const Eigen::RowVectorXd& weight) const {
    std::vector<milp::Term> all;
    for (Eigen::Index k = 0; k < weight.size(); ++k)
      if (weight[k] != 0) input_.append(all, k, weight[k]);
    return all;
  }

  void add_row(const Side& side) {
    const double factor = side.sign / side.weight.norm();
    milp::RowData row{.lower = -factor * (side.weight * region_.centre + side.bias), .terms = terms(factor * side.weight), .name = {}};
    row.terms.push_back({violation_, 1});
    model_.add_row(std::move(row));
  }

  const problem::Region& region_;
  const base::Budget& budget_;
  std::vector<Side> sides_;
  Eigen::RowVectorXd margin_;
  double constant_ = 0;
  milp::Model model_;
  problem::RegionColumns input_;
  std::size_t first_side_ = 0;  ///< row of the first side
  milp::Column violation_;
};

}  // namespace

std::optional<Eigen::VectorXd> solve_leaf(const Query& query, Bounding& bounding, const base::Budget& budget, double cutoff_value,
                                          Node& node) {
  const LeafProgram program(query, budget, node);
  milp::LinearProgram::Solution solution = program.maximise();
  if (solution.status == milp::LinearProgram::Status::interrupted) throw Interrupted{};
  const bool feasible = solution.status == milp::LinearProgram::Status::optimal;
  double factor = program.margin_size();
  if (!feasible) {
    solution = program.minimise_violation();
    if (solution.status == milp::LinearProgram::Status::interrupted) throw Interrupted{};
    if (solution.status != milp::LinearProgram::Status::optimal || solution.objective >= 0) return std::nullopt;
    // The sides, times their prices, add up to at most the objective, everywhere: so many times that is enough to close the node.
    factor = 2 * (program.bound_without_sides() - cutoff_value) / -solution.objective;
  }
  Node trial = node;
  program.set_multipliers(solution, factor, trial);
  trial.bound = bounding.evaluate(trial);
  if (trial.bound < node.bound) node = std::move(trial);
  return feasible ? std::optional(program.input(solution)) : std::nullopt;
}

}  // namespace espalier::branch
