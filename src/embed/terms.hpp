// Small helpers that the formulations share.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "espalier/embed/embed.hpp"
#include "espalier/milp/model.hpp"
#include "espalier/nn/network.hpp"

namespace espalier::embed {

/// One column per neuron or pixel.
using Columns = std::vector<milp::Column>;

/// Throws Interrupted if the budget is spent; for every neuron.
inline void check_budget(const Query& query) {
  if (query.budget.spent()) throw Interrupted{};
}

/// "h_2_17"
std::string neuron_name(std::string_view kind, std::size_t layer, Eigen::Index neuron);

/// factor * sum over the non-zero weights of row `neuron`: factor w_k columns[k], appended to `terms`.
void append_weighted(std::vector<milp::Term>& terms, const nn::Layer& layer, Eigen::Index neuron, const Columns& columns, double factor);

/// coefficient * column, appended to `terms` unless it is 0 (a big-M of a neuron that is stably active or inactive may be).
inline void append(std::vector<milp::Term>& terms, milp::Column column, double coefficient) {
  if (coefficient != 0.0) terms.push_back({column, coefficient});
}

/// point[column] = value
inline void set(std::vector<double>& point, milp::Column column, double value) { point[static_cast<std::size_t>(column.index)] = value; }
inline double get(const std::vector<double>& point, milp::Column column) { return point[static_cast<std::size_t>(column.index)]; }

}  // namespace espalier::embed
