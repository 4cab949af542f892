// Small models with known answers.
#pragma once
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "espalier/base/random.hpp"
#include "espalier/milp/model.hpp"

namespace espalier::milp::testing {

/// Weights, values: maximise value within a capacity.
inline Model knapsack(const std::vector<double>& weights, const std::vector<double>& values, double capacity) {
  Model model;
  RowData row{.upper = capacity, .name = "capacity"};
  std::vector<Term> objective;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const Column x = model.add_binary("take" + std::to_string(i));
    row.terms.push_back({x, weights[i]});
    objective.push_back({x, values[i]});
  }
  model.add_row(row);
  model.set_objective(Sense::maximise, objective);
  return model;
}

/// A knapsack with equal ratios of value to weight and several rows: its tree has hundreds of nodes.
inline Model hard_knapsack(int columns, int rows, std::uint64_t seed) {
  base::RandomStream random(seed, "hard knapsack");
  Model model;
  std::vector<Term> objective;
  for (int j = 0; j < columns; ++j) objective.push_back({model.add_binary("x"), 20 + static_cast<double>(random.below(20))});
  for (int i = 0; i < rows; ++i) {
    RowData row;
    double sum = 0;
    for (int j = 0; j < columns; ++j) {
      const double weight = 20 + static_cast<double>(random.below(20));
      row.terms.push_back({Column{j}, weight});
      sum += weight;
    }
    row.upper = std::floor(sum / 2);
    model.add_row(row);
  }
  model.set_objective(Sense::maximise, objective);
  return model;
}

/// Market split (Cornuejols and Dawande 1998): minimise the slack of  sum a_ij x_j = floor(sum a_ij / 2). Weak bounds, so that 4 rows and
/// 30 columns take minutes.
inline Model market_split(int rows, int columns, std::uint64_t seed) {
  base::RandomStream random(seed, "market split");
  Model model;
  for (int j = 0; j < columns; ++j) model.add_binary("x");
  std::vector<Term> objective;
  for (int i = 0; i < rows; ++i) {
    RowData row;
    double sum = 0;
    for (int j = 0; j < columns; ++j) {
      const double weight = static_cast<double>(random.below(100));
      row.terms.push_back({Column{j}, weight});
      sum += weight;
    }
    row.lower = row.upper = std::floor(sum / 2);
    for (const double sign : {1.0, -1.0}) {
      const Column slack = model.add_column({.lower = 0, .name = "slack"});
      row.terms.push_back({slack, sign});
      objective.push_back({slack, 1});
    }
    model.add_row(row);
  }
  model.set_objective(Sense::minimise, objective);
  return model;
}

/// Up to 6 columns in small boxes (some negative) and up to 6 rows of all kinds around a random point, integral data. Every tenth model or
/// so is infeasible. With `continuous` columns, else its points can be listed.
inline Model random_model(std::uint64_t seed, bool continuous) {
  base::RandomStream random(seed, "random model");
  const auto integer = [&](int low, int high) {
    return static_cast<double>(low + static_cast<int>(random.below(static_cast<std::uint64_t>(high - low + 1))));
  };
  Model model;
  std::vector<Term> objective;
  std::vector<double> point;
  const int columns = 1 + static_cast<int>(random.below(6));
  for (int j = 0; j < columns; ++j) {
    const double lower = integer(-3, 2);
    const double width = integer(0, 4);
    const Column x =
        model.add_column({.lower = lower, .upper = lower + width, .integer = !continuous || random.below(2) == 0, .name = "x"});
    point.push_back(lower + static_cast<double>(random.below(static_cast<std::uint64_t>(width) + 1)));
    if (random.below(5) != 0) objective.push_back({x, integer(-9, 9)});
  }
  const int rows = static_cast<int>(random.below(7));
  for (int i = 0; i < rows; ++i) {
    RowData row;
    double activity = 0;
    for (int j = 0; j < columns; ++j) {
      if (random.below(3) == 0) continue;
      row.terms.push_back({Column{j}, integer(-5, 5)});
      activity += row.terms.back().coefficient * point[static_cast<std::size_t>(j)];
    }
    const double slack = integer(random.below(8) == 0 ? -4 : 0, 3);
    switch (random.below(4)) {
      case 0:
        row.lower = activity - slack;
        break;
      case 1:
        row.lower = activity - slack;
        row.upper = row.lower + integer(0, 5);
        break;
      case 2:
        row.lower = row.upper = activity + (slack < 0 ? slack : 0);
        break;
      default:
        row.upper = activity + slack;
    }
    model.add_row(row);
  }
  model.set_objective(random.below(2) == 0 ? Sense::maximise : Sense::minimise, objective, integer(-5, 5));
  return model;
}

/// Best objective over all integer points, or nothing. Only for models without continuous columns.
inline std::optional<double> enumerate(const Model& model) {
  std::vector<double> x;
  for (const ColumnData& column : model.columns()) x.push_back(column.lower);
  std::optional<double> best;
  for (;;) {
    if (model.violation(x) <= 1e-9) {
      const double value = model.objective_value(x);
      if (!best || (model.sense() == Sense::maximise ? value > *best : value < *best)) best = value;
    }
    std::size_t j = 0;
    while (j < x.size() && x[j] + 1 > model.columns()[j].upper) {
      x[j] = model.columns()[j].lower;
      ++j;
    }
    if (j == x.size()) return best;
    x[j] += 1;
  }
}

}  // namespace espalier::milp::testing
