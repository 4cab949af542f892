#include "branch/leaf_lp.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "espalier/milp/linear_program.hpp"
#include "espalier/problem/linear_maximiser.hpp"

namespace espalier::branch {
namespace {

/// Affine functions of x - x0, one a row.
struct Affine {
  Rows weight;
  Eigen::VectorXd bias;
};

Affine first(const nn::Layer& layer, const Eigen::VectorXd& centre) {
  const Rows weight = layer.weight.cast<double>();
  return {.weight = weight, .bias = weight * centre + layer.bias.cast<double>()};
}

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

/// The side of a neuron that the node decides: weight (x - x0) + bias >= 0.
struct Side {
  Neuron neuron;
  double price = 0;  ///< the neuron's multiplier where the side's is 1
  Eigen::RowVectorXd weight;
  double bias = 0;
};

/// What is to be maximised, and the sides, as affine functions of x - x0 of norm 1.
struct Leaf {
  Leaf(const Query& query, const base::Budget& budget, const Node& node) {
    Affine h;
    for (std::size_t k = 0; k < node.layers.size(); ++k) {
      h = k == 0 ? first(query.network.layers[k], query.region.centre) : after(query.network.layers[k], h, budget);
      const LayerState& layer = node.layers[k];
      for (Eigen::Index i = 0; i < layer.split.size(); ++i) {
        // Also of neurons that the node's bounds decide: these may follow from the cutoff, which is no row of the program.
        const bool decided = query.bounds.layers[k].lower[i] < 0 && query.bounds.layers[k].upper[i] > 0;
        double norm = h.weight.row(i).norm();
        if (norm == 0) norm = std::abs(h.bias[i]);  // a constant may be on the wrong side
        if ((layer.split[i] != 0 || decided) && norm > 0) {
          const double factor = (layer.split[i] != 0 ? layer.split[i] : layer.bounds.lower[i] >= 0 ? 1.0 : -1.0) / norm;
          sides.push_back(
              {.neuron = {.layer = k, .index = i}, .price = factor, .weight = h.weight.row(i) * factor, .bias = h.bias[i] * factor});
        }
        if (layer.bounds.lower[i] >= 0) continue;  // on
        h.weight.row(i).setZero();
        h.bias[i] = 0;
      }
    }
    const nn::OutputFunction& function = query.objective.functions[static_cast<std::size_t>(node.function)];
    const nn::OutputRow output = output_row(function, query.network.layers.back());
    margin = output.weight * h.weight;
    constant = output.weight.dot(h.bias) + output.bias;
    if (const double norm = margin.norm(); norm > 0) margin_unit = norm;
    margin /= margin_unit;
  }

  std::vector<Side> sides;
  Eigen::RowVectorXd margin;  ///< times margin_unit, plus constant
  double constant = 0;
  double margin_unit = 1;
};

/// max w d over d = x - x0, x in the region, with w_i d + b_i >= 0 for the sides, where all that is asked of the region is the maximum of
/// linear functions (Dantzig and Wolfe 1960). A linear program over convex combinations of the points that are known says what a violation
/// of each side is worth; the maximiser of w + sum of prices times w_i is the next point, its value an upper bound.
class Decomposition {
 public:
  static constexpr double tolerance = 1e-9;  ///< of the sides
  struct Result {
    Eigen::VectorXd prices;  ///< >= 0, of the sides: those of the smallest bound
    double bound = milp::infinity;
    Eigen::VectorXd change;  ///< d of the master's optimum, which the sides allow up to the master's tolerance; empty if none was found
  };

  Decomposition(const problem::Region& region, const Leaf& leaf, const base::Budget& budget)
      : leaf_(leaf), budget_(budget), maximiser_(region), weights_(std::ssize(leaf.sides), region.dimension()), biases_(weights_.rows()) {
    for (Eigen::Index i = 0; i < weights_.rows(); ++i) {
      weights_.row(i) = leaf.sides[static_cast<std::size_t>(i)].weight;
      biases_[i] = leaf.sides[static_cast<std::size_t>(i)].bias;
    }
    add_point(Eigen::VectorXd::Zero(region.dimension()));
  }

  /// max over d of min(0, min over i of w_i d + b_i): below 0 if no input of the region is on all sides.
  Result least_violation() {
    return run(Eigen::RowVectorXd::Zero(weights_.cols()),
               [](double bound, double value) { return bound < -tolerance || value > -tolerance; });
  }
  /// Over the points that least_violation() has found. Ends when the bound is below `enough`, too.
  Result maximum(double enough) {
    violation_allowed_ = false;
    return run(leaf_.margin, [enough](double bound, double) { return bound < enough; });
  }

 private:
  static constexpr int most_rounds = 1000;
  static constexpr int most_idle_rounds = 10;  ///< without progress of either bound: the master has no more digits

  template <class Enough>
  Result run(const Eigen::RowVectorXd& objective, const Enough& enough) {
    constexpr double gap = 1e-10, progress = 1e-12;
    Result result;
    double reached = -milp::infinity;
    int idle = 0;
    for (int round = 0; round < most_rounds; ++round) {
      const milp::LinearProgram::Solution master = solve_master(objective);
      if (master.status == milp::LinearProgram::Status::interrupted) throw Interrupted{};
      if (master.status != milp::LinearProgram::Status::optimal) break;
      Eigen::VectorXd prices(weights_.rows());
      for (Eigen::Index i = 0; i < prices.size(); ++i) prices[i] = std::max(0.0, -master.row_duals[static_cast<std::size_t>(i)]);
      const Eigen::RowVectorXd w = objective + prices.transpose() * weights_;
      const double bound = prices.dot(biases_) + maximiser_.maximise({w.data(), static_cast<std::size_t>(w.size())});
      const bool moves = bound < result.bound - progress || master.objective > reached + progress;
      idle = moves ? 0 : idle + 1;
      reached = std::max(reached, master.objective);
      if (bound < result.bound) {
        result.bound = bound;
        result.prices = prices;
      }
      if (!(result.bound < milp::infinity) || idle == most_idle_rounds) break;
      result.change = combination(master);
      if (result.bound - master.objective <= gap * (1 + std::abs(master.objective)) || enough(result.bound, master.objective)) break;
      Eigen::VectorXd change = Eigen::VectorXd::Zero(w.size());
      for (const problem::Step& step : maximiser_.steps()) change[step.pixel] = step.change;
      add_point(std::move(change));
    }
    return result;
  }

  void add_point(Eigen::VectorXd change) {
    sides_at_.push_back(weights_ * change + biases_);
    points_.push_back(std::move(change));
  }

  milp::LinearProgram::Solution solve_master(const Eigen::RowVectorXd& objective) const {
    milp::Model model;
    std::vector<milp::Term> terms, all;
    for (const Eigen::VectorXd& point : points_) {
      all.push_back({model.add_column({.name = {}}), 1});
      terms.push_back({all.back().column, objective * point});
    }
    const milp::Column violation = model.add_column({.upper = violation_allowed_ ? milp::infinity : 0, .name = {}});
    if (violation_allowed_) terms.push_back({violation, -1});
    for (Eigen::Index i = 0; i < weights_.rows(); ++i) {
      milp::RowData side{.lower = 0, .terms = {{violation, 1}}, .name = {}};
      for (std::size_t p = 0; p < points_.size(); ++p) side.terms.push_back({all[p].column, sides_at_[p][i]});
      model.add_row(std::move(side));
    }
    model.add_row({.lower = 1, .upper = 1, .terms = std::move(all), .name = {}});
    model.set_objective(milp::Sense::maximise, std::move(terms));
    return milp::LinearProgram(model).solve(budget_);
  }

  Eigen::VectorXd combination(const milp::LinearProgram::Solution& master) const {
    Eigen::VectorXd change = Eigen::VectorXd::Zero(weights_.cols());
    for (std::size_t p = 0; p < points_.size(); ++p) change += master.x[p] * points_[p];
    return change;
  }

  const Leaf& leaf_;
  const base::Budget& budget_;
  problem::LinearMaximiser maximiser_;
  Rows weights_;
  Eigen::VectorXd biases_;
  std::vector<Eigen::VectorXd> points_, sides_at_;
  bool violation_allowed_ = true;
};

/// Multipliers are the prices times `factor`.
void set_multipliers(const Leaf& leaf, const Eigen::VectorXd& prices, double factor, Node& node) {
  for (LayerState& layer : node.layers) layer.split_multiplier.setZero();
  for (std::size_t i = 0; i < leaf.sides.size(); ++i) {
    const Side& side = leaf.sides[i];
    node.layers[side.neuron.layer].split_multiplier[side.neuron.index] = side.price * prices[static_cast<Eigen::Index>(i)] * factor;
  }
}

}  // namespace

std::optional<Eigen::VectorXd> solve_leaf(const Query& query, Bounding& bounding, const base::Budget& budget, double cutoff_value,
                                          Node& node) {
  if (budget.spent()) throw Interrupted{};
  const Leaf leaf(query, budget, node);
  Decomposition decomposition(query.region, leaf, budget);
  Node trial = node;
  const Decomposition::Result violation = decomposition.least_violation();
  const auto keep_if_better = [&] {
    trial.bound = bounding.evaluate(trial);
    if (trial.bound < node.bound) node = trial;
  };
  if (violation.bound < -Decomposition::tolerance) {
    // The sides, times their prices, add up to at most the bound, everywhere: so many times that is enough to close the node.
    const double without_sides = leaf.constant + leaf.margin_unit * problem::maximise_linear(query.region, leaf.margin.transpose()).value;
    set_multipliers(leaf, violation.prices, 2 * std::max(0.0, without_sides - cutoff_value) / -violation.bound, trial);
    keep_if_better();
    if (node.bound <= cutoff_value) return std::nullopt;
  }
  const Decomposition::Result best = decomposition.maximum((cutoff_value - leaf.constant) / leaf.margin_unit);
  if (best.change.size() == 0) return std::nullopt;
  set_multipliers(leaf, best.prices, leaf.margin_unit, trial);
  keep_if_better();
  return query.region.centre + best.change;
}

}  // namespace espalier::branch
