// The input part of the papers' models, literally: x and d = |x - x0| as columns (method, section 5.1).
#pragma once
#include "embed/terms.hpp"
#include "espalier/embed/embed.hpp"
#include "espalier/problem/ball.hpp"

namespace espalier::embed {

/// x, d in [0,1]^n;  d >= x - x0;  d >= x0 - x;  sum d <= epsilon.   2 n columns, 2 n + 1 rows.
class LiteralInput {
 public:
  LiteralInput(milp::Model& model, problem::Ball ball);

  const Columns& x() const { return x_; }
  Eigen::VectorXd read(const std::vector<double>& point) const;
  void write(std::vector<double>& point, const Eigen::Ref<const Eigen::VectorXd>& input) const;

 private:
  problem::Ball ball_;
  Columns x_;
  Columns d_;
};

}  // namespace espalier::embed
