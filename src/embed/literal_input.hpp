// The input part of the papers' models, literally: x and d = |x - x0| as columns (method, section 5.1).
#pragma once
#include "embed/terms.hpp"
#include "espalier/embed/embed.hpp"
#include "espalier/problem/region.hpp"

namespace espalier::embed {

/// x in the box, d >= x - x0;  d >= x0 - x;  sum d <= epsilon.   2 n columns, 2 n + 1 rows; over a box alone x only. Over rows of
/// an image t >= d for each row's t, sum t <= epsilon.
class LiteralInput {
 public:
  LiteralInput(milp::Model& model, problem::Region region);

  const Columns& x() const { return x_; }
  Eigen::VectorXd read(const std::vector<double>& point) const;
  void write(std::vector<double>& point, const Eigen::Ref<const Eigen::VectorXd>& input) const;

 private:
  problem::Region region_;
  Columns x_;
  Columns d_;
  Columns t_;  ///< largest d of each row
};

}  // namespace espalier::embed
