// Bounds of batches of nodes by propagation.
#pragma once
#include <functional>
#include <span>
#include <vector>

#include "branch/node.hpp"
#include "espalier/base/budget.hpp"
#include "espalier/branch/branch.hpp"
#include "espalier/problem/linear_maximiser.hpp"

namespace espalier::branch {

/// How the margin's coefficients weigh on a node's neurons, from the last pass.
struct Evaluation {
  Neuron neuron;
  double bound_on = 0;   ///< the node's bound with the neuron on, one pass
  double bound_off = 0;  ///< and off
};

/// Every function but roots() and evaluate() throws Interrupted soon after the budget is spent.
class Bounding {
 public:
  /// Tells of a feasible input and its margin.
  using Offer = std::function<void(const Eigen::VectorXd& input, double margin)>;

  Bounding(const Query& query, Offer offer, base::Budget budget = {});

  /// One node for each of the objective's functions.
  std::vector<Node> roots() const;

  /// Renews the bounds of unstable neurons behind each node's last split.
  void refine(std::span<Node* const> nodes);
  /// Bounds of hidden neurons that hold where the margin is above `cutoff_value`, from the node's slopes and multipliers.
  void tighten_by_cutoff(std::span<Node* const> nodes, double cutoff_value);
  /// Lowers node.bound by up to `iterations` passes, one at least; a node is left as soon as its bound is at most `cutoff_value`. Updates
  /// slopes and multipliers to those of the best pass.
  void improve(std::span<Node* const> nodes, int iterations, double cutoff_value);
  /// The most promising unstable neurons of each node, with their evaluation bounds: those that its linear program violates, if it has been
  /// solved; empty for a node without unstable neurons.
  std::vector<std::vector<Evaluation>> evaluate_candidates(std::span<Node* const> nodes, std::size_t most);
  /// One pass with the node's own slopes and multipliers.
  double evaluate(Node& node);

  /// Of a function's bound and of its value at a feasible input together, what rounding may take in the output layer alone: however far a
  /// node is split, its bound comes no closer to the value.
  double output_rounding(Eigen::Index function) const { return 2 * margins_.padding[function]; }

  std::int64_t passes() const { return passes_; }
  const bounds::Propagation& propagation() const { return propagation_; }

 private:
  void check_budget() const {
    if (budget_.spent()) throw Interrupted{};
  }
  /// For nodes that fit into one pass.
  void improve_together(std::span<Node* const> nodes, int iterations, double cutoff_value);
  /// Row r is the function of nodes[r].
  bounds::AffineRows margin_rows(std::span<Node* const> nodes) const;
  void offer_best(const bounds::BackwardPass& pass, const Rows& first_layer);
  void tighten(Node& node, std::size_t layer);
  void bound_evaluations(const Node& node, const std::vector<bounds::LayerRelaxation>& relaxation, Eigen::Index parent,
                         std::span<Evaluation> evaluations);

  const Query query_;  ///< references to what the caller keeps
  Offer offer_;
  base::Budget budget_;
  bounds::Propagation propagation_;
  bounds::AffineRows margins_;  ///< the objective's functions
  std::vector<Rows> weights_;   ///< of layers 1.., the last one the objective's functions; for margins of candidates
  std::vector<Eigen::RowVectorXd> biases_;
  std::int64_t passes_ = 0;
};

}  // namespace espalier::branch
