// The objective as a part of a model.
#pragma once
#include <vector>

#include "embed/terms.hpp"
#include "espalier/embed/embed.hpp"

namespace espalier::embed {

/// An affine function of columns: the value of one pre-activation, or of an output function.
struct Affine {
  double constant = 0;
  std::vector<milp::Term> terms;
};

/// Maximises the only function f_1 of the query's objective, or the largest of several: t over
///   t <= f_k + M_k (1 - z_k),  sum over k of z_k = 1,  z_k binary,  M_k = max over j of U_j - L_k,
/// with bounds L_k <= f_k <= U_k from those of the logits.
class ModelObjective {
 public:
  ModelObjective() = default;
  /// `functions`: f_k over the model's columns.
  ModelObjective(milp::Model& model, const Query& query, std::vector<Affine> functions);

  /// Sets t and z_k at a point whose logits are `y`.
  void write(std::vector<double>& point, const Eigen::VectorXd& y) const;

 private:
  nn::Objective objective_;
  milp::Column largest_;         ///< t
  std::vector<milp::Column> z_;  ///< empty for one function
};

}  // namespace espalier::embed
