#include "espalier/problem/region_columns.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "espalier/base/error.hpp"

namespace espalier::problem {
namespace {

constexpr milp::Column absent{};

bool is_present(milp::Column column) { return column.index >= 0; }

double value(const std::vector<double>& point, milp::Column column) { return point[static_cast<std::size_t>(column.index)]; }

void set(std::vector<double>& point, milp::Column column, double value) {
  if (is_present(column)) point[static_cast<std::size_t>(column.index)] = value;
}

std::string name_of(const char* kind, Eigen::Index k, bool named) { return named ? fmt::format("{}_{}", kind, k) : std::string(); }

}  // namespace

RegionColumns::RegionColumns(milp::Model& model, const Region& region, const std::vector<bool>* wanted)
    : centre_(region.centre), row_length_(region.row_length) {
  if (!region.is_polytope())
    base::fail(base::ErrorKind::internal, "region: expected one with linear sides for a model, found a Euclidean ball");
  const bool named = wanted != nullptr;
  const auto add = [&](const char* kind, Eigen::Index k, double room) {
    if (wanted != nullptr && (!(*wanted)[static_cast<std::size_t>(k)] || room <= 0)) return absent;
    return model.add_column({.lower = 0, .upper = room, .name = name_of(kind, k, named)});
  };
  for (Eigen::Index k = 0; k < region.dimension(); ++k) {
    plus_.push_back(add("p", k, region.box.upper[k] - region.centre[k]));
    minus_.push_back(add("n", k, region.centre[k] - region.box.lower[k]));
  }
  if (region.has_budget()) add_budget(model, region, named);
}

void RegionColumns::add_budget(milp::Model& model, const Region& region, bool named) {
  milp::RowData budget{.upper = region.radius, .terms = {}, .name = named ? "budget" : ""};
  std::vector<milp::RowData> below;
  for (std::size_t k = 0; k < plus_.size(); ++k) {
    const auto input = static_cast<Eigen::Index>(k);
    if (row_length_ > 1 && input % row_length_ == 0) {
      largest_.push_back(model.add_column({.lower = 0, .upper = region.radius, .name = name_of("t", input / row_length_, named)}));
      budget.terms.push_back({largest_.back(), 1});
    }
    for (const milp::Column column : {plus_[k], minus_[k]}) {
      if (!is_present(column)) continue;
      if (row_length_ == 1)
        budget.terms.push_back({column, 1});
      else
        below.push_back({.upper = 0, .terms = {{column, 1}, {largest_.back(), -1}}, .name = name_of("within", column.index, named)});
    }
  }
  for (milp::RowData& row : below) model.add_row(std::move(row));
  if (!budget.terms.empty()) model.add_row(std::move(budget));
}

void RegionColumns::append(std::vector<milp::Term>& terms, Eigen::Index k, double w) const {
  const auto input = static_cast<std::size_t>(k);
  if (is_present(plus_[input])) terms.push_back({plus_[input], w});
  if (is_present(minus_[input])) terms.push_back({minus_[input], -w});
}

Eigen::VectorXd RegionColumns::read(const std::vector<double>& point) const {
  Eigen::VectorXd input = centre_;
  for (std::size_t k = 0; k < plus_.size(); ++k) {
    double& x = input[static_cast<Eigen::Index>(k)];
    if (is_present(plus_[k])) x += value(point, plus_[k]);
    if (is_present(minus_[k])) x -= value(point, minus_[k]);
  }
  return input;
}

void RegionColumns::write(std::vector<double>& point, const Eigen::Ref<const Eigen::VectorXd>& input) const {
  for (const milp::Column t : largest_) set(point, t, 0);
  for (std::size_t k = 0; k < plus_.size(); ++k) {
    const auto own = static_cast<Eigen::Index>(k);
    const double change = input[own] - centre_[own];
    set(point, plus_[k], std::max(0.0, change));
    set(point, minus_[k], std::max(0.0, -change));
    if (largest_.empty()) continue;
    const milp::Column t = largest_[k / static_cast<std::size_t>(row_length_)];
    set(point, t, std::max(value(point, t), std::abs(change)));
  }
}

}  // namespace espalier::problem
