// The output layer of the papers' models: one free column and one equality row per logit.
#pragma once
#include "embed/objective.hpp"
#include "embed/terms.hpp"
#include "espalier/embed/embed.hpp"

namespace espalier::embed {

class Logits {
 public:
  /// Adds y = W h + b and the objective over y.
  Logits(milp::Model& model, const Query& query, const Columns& hidden);
  Logits() = default;

  void write(std::vector<double>& point, const Eigen::VectorXd& y) const;

 private:
  Columns y_;
  ModelObjective objective_;
};

}  // namespace espalier::embed
