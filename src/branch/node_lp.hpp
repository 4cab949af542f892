// A node's linear program: the triangle relaxation of the unstable neurons, exact where all phases are fixed.
#pragma once
#include <optional>
#include <vector>

#include "branch/bounding.hpp"
#include "espalier/base/budget.hpp"
#include "espalier/milp/linear_program.hpp"
#include "espalier/problem/region_columns.hpp"

namespace espalier::branch {

/// maximise the margin over  x = x0 + p - n,  g = W h' + b,  and per hidden neuron
///   open: h >= 0, h >= g, h <= the chord;   on: h = g (and g >= 0 if split);   off: h = 0 (and g <= 0 if split).
/// Should no input have the phases, splits may be violated at a high price: the program's value is then far below any margin, and its dual
/// values prove that as they prove any bound (a Farkas ray, which Clp does not always have right, is not needed).
/// For regions that are polytopes. Only linear relaxations and split constraints of a node are in it, so that its dual values are slopes
/// and multipliers of bound propagation.
class NodeLp {
 public:
  explicit NodeLp(const Query& query);

  /// Solves the node's program; node.slope and node.split_multiplier become its dual solution if that lowers node.bound, evaluated by
  /// bounding, and node.violated says where its maximiser is no activation. The relaxation's maximiser; nothing if no input has the node's
  /// phases. Throws Interrupted, the node as it was, when the budget is spent.
  std::optional<Eigen::VectorXd> solve(Node& node, Bounding& bounding, const base::Budget& budget = {});

  /// Another output layer, and the only function of it, over the same hidden layers and their bounds.
  void set_output(const nn::OutputRow& output);

  std::int64_t solved() const { return solved_; }

 private:
  struct Columns {
    milp::Column g, h;
    int definition = 0, above = 0, chord = 0;  ///< rows g - W h' = b, h - g >= 0, h - s g <= t
    int side = 0;                              ///< row g + v >= 0 or g - v <= 0 of a split neuron; v is 0, or has a price
  };
  void select(std::size_t function);
  milp::Model build();
  std::vector<milp::Term> objective() const;
  void set(const Node& node);
  /// Slopes and multipliers from the coefficients that the definitions' duals want on g, last layer first.
  void take_duals(const milp::LinearProgram::Solution& solution, Node& node) const;

  std::vector<Neuron> violated(const milp::LinearProgram::Solution& solution, const Node& node) const;

  const Query query_;                   ///< references to what the caller keeps
  std::vector<Rows> weights_;           ///< of the hidden layers
  std::vector<nn::OutputRow> outputs_;  ///< the objective's functions
  std::size_t function_ = 0;            ///< whose the program is now
  problem::RegionColumns input_;
  milp::Column violation_;
  std::vector<std::vector<Columns>> neurons_;
  std::optional<milp::LinearProgram> program_;
  std::int64_t solved_ = 0;
};

}  // namespace espalier::branch
