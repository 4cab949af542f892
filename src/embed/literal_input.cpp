#include "embed/literal_input.hpp"

#include <cmath>
#include <utility>

#include "espalier/base/error.hpp"

namespace espalier::embed {

LiteralInput::LiteralInput(milp::Model& model, problem::Region region) : region_(std::move(region)) {
  const auto pixels = region_.dimension();
  const Eigen::VectorXd &lower = region_.box.lower, &upper = region_.box.upper;
  for (Eigen::Index k = 0; k < pixels; ++k)
    x_.push_back(model.add_column({.lower = lower[k], .upper = upper[k], .name = fmt::format("x_{}", k)}));
  if (!region_.has_budget()) return;
  for (Eigen::Index k = 0; k < pixels; ++k)
    d_.push_back(model.add_column({.lower = 0, .upper = upper[k] - lower[k], .name = fmt::format("d_{}", k)}));
  milp::RowData budget{.upper = region_.radius, .terms = {}, .name = "budget"};
  for (Eigen::Index k = 0; k < pixels; ++k) {
    const milp::Column x = x_[static_cast<std::size_t>(k)], d = d_[static_cast<std::size_t>(k)];
    model.add_row({.lower = -region_.centre[k], .terms = {{d, 1}, {x, -1}}, .name = fmt::format("above_{}", k)});
    model.add_row({.lower = region_.centre[k], .terms = {{d, 1}, {x, 1}}, .name = fmt::format("below_{}", k)});
    if (region_.row_length == 1) {
      budget.terms.push_back({d, 1});
      continue;
    }
    if (k % region_.row_length == 0) {
      t_.push_back(model.add_column({.lower = 0, .upper = region_.radius, .name = fmt::format("t_{}", k / region_.row_length)}));
      budget.terms.push_back({t_.back(), 1});
    }
    model.add_row({.lower = 0, .terms = {{t_.back(), 1}, {d, -1}}, .name = fmt::format("within_{}", k)});
  }
  model.add_row(std::move(budget));
}

Eigen::VectorXd LiteralInput::read(const std::vector<double>& point) const {
  Eigen::VectorXd input(region_.dimension());
  for (Eigen::Index k = 0; k < input.size(); ++k) input[k] = get(point, x_[static_cast<std::size_t>(k)]);
  return input;
}

void LiteralInput::write(std::vector<double>& point, const Eigen::Ref<const Eigen::VectorXd>& input) const {
  for (std::size_t r = 0; r < t_.size(); ++r) {
    const Eigen::Index length = region_.row_length, first = static_cast<Eigen::Index>(r) * length;
    set(point, t_[r], (input.segment(first, length) - region_.centre.segment(first, length)).lpNorm<Eigen::Infinity>());
  }
  for (Eigen::Index k = 0; k < input.size(); ++k) {
    set(point, x_[static_cast<std::size_t>(k)], input[k]);
    if (region_.has_budget()) set(point, d_[static_cast<std::size_t>(k)], std::abs(input[k] - region_.centre[k]));
  }
}

}  // namespace espalier::embed
