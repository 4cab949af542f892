// The region in a model: its columns and rows.
// Symbols: src/NOTATION.md.
#pragma once
#include <Eigen/Core>
#include <vector>

#include "espalier/milp/model.hpp"
#include "espalier/problem/region.hpp"

namespace espalier::problem {

/// x = x0 + p - n with 0 <= p <= upper - x0 and 0 <= n <= x0 - lower, and the budget, if there is one: sum p + n <= radius; or, over rows
/// of inputs, one more column t for each row with p <= t and n <= t, and sum t <= radius. For regions that are polytopes.
class RegionColumns {
 public:
  RegionColumns() = default;
  /// Every input has both columns, without names.
  RegionColumns(milp::Model& model, const Region& region) : RegionColumns(model, region, nullptr) {}
  /// Columns p_k, n_k, t_r only for inputs that are wanted, and only in the directions in which they can move.
  RegionColumns(milp::Model& model, const Region& region, const std::vector<bool>& wanted) : RegionColumns(model, region, &wanted) {}

  /// w (x_k - x0_k), appended to `terms`.
  void append(std::vector<milp::Term>& terms, Eigen::Index k, double w) const;
  /// The input at a point of the model; what has no columns stays at the centre.
  [[nodiscard]] Eigen::VectorXd read(const std::vector<double>& point) const;
  void write(std::vector<double>& point, const Eigen::Ref<const Eigen::VectorXd>& input) const;

 private:
  RegionColumns(milp::Model& model, const Region& region, const std::vector<bool>* wanted);
  void add_budget(milp::Model& model, const Region& region, bool named);

  Eigen::VectorXd centre_;
  Eigen::Index row_length_ = 1;
  std::vector<milp::Column> plus_, minus_;  ///< by input; index -1 where there is none
  std::vector<milp::Column> largest_;       ///< t, by row
};

}  // namespace espalier::problem
