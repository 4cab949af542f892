#include "milp/cbc/osi_model.hpp"

#include <CoinPackedMatrix.hpp>
#include <OsiClpSolverInterface.hpp>

namespace espalier::milp {
namespace {

double sign(const Model& model) { return model.sense() == Sense::maximise ? -1.0 : 1.0; }

/// Empty free rows at the end: an assertion in Clp 1.17.6 (OsiClpSolverInterface::markHotStart) fails on models with less than 3 rows and
/// columns, and Debian's build has assertions on.
constexpr int padding_rows = 3;

/// Column-ordered, as Clp wants it: turning a large matrix around takes longer than making it. Every column exists, also one that no row
/// uses.
CoinPackedMatrix matrix(const Model& model) {
  std::vector<CoinBigIndex> starts(model.columns().size() + 1, 0);
  for (const RowData& row : model.rows())
    for (const Term& term : row.terms) starts[static_cast<std::size_t>(term.column.index) + 1] += term.coefficient != 0;
  for (std::size_t j = 1; j < starts.size(); ++j) starts[j] += starts[j - 1];
  std::vector<int> indices(static_cast<std::size_t>(starts.back()));
  std::vector<double> elements(indices.size());
  std::vector<CoinBigIndex> next(starts.begin(), starts.end() - 1);
  for (std::size_t i = 0; i < model.rows().size(); ++i) {
    for (const Term& term : model.rows()[i].terms) {
      if (term.coefficient == 0) continue;
      const auto at = static_cast<std::size_t>(next[static_cast<std::size_t>(term.column.index)]++);
      indices[at] = static_cast<int>(i);
      elements[at] = term.coefficient;
    }
  }
  return {true,
          static_cast<int>(model.rows().size()) + padding_rows,
          static_cast<int>(model.columns().size()),
          starts.back(),
          elements.data(),
          indices.data(),
          starts.data(),
          nullptr};
}

/// Osi's infinity is DBL_MAX.
double finite(double bound, double osi_infinity) {
  if (bound == infinity) return osi_infinity;
  return bound == -infinity ? -osi_infinity : bound;
}

}  // namespace

void load(const Model& model, OsiClpSolverInterface& osi) {
  const double inf = osi.getInfinity();
  std::vector<double> lower, upper, cost(model.columns().size(), 0.0), row_lower, row_upper;
  for (const ColumnData& column : model.columns()) {
    lower.push_back(finite(column.lower, inf));
    upper.push_back(finite(column.upper, inf));
  }
  for (const RowData& row : model.rows()) {
    row_lower.push_back(finite(row.lower, inf));
    row_upper.push_back(finite(row.upper, inf));
  }
  row_lower.resize(row_lower.size() + padding_rows, -inf);
  row_upper.resize(row_upper.size() + padding_rows, inf);
  for (const Term& term : model.objective()) cost[static_cast<std::size_t>(term.column.index)] = sign(model) * term.coefficient;
  osi.loadProblem(matrix(model), lower.data(), upper.data(), cost.data(), row_lower.data(), row_upper.data());
  osi.setObjSense(1);
  for (std::size_t j = 0; j < model.columns().size(); ++j)
    if (model.columns()[j].integer) osi.setInteger(static_cast<int>(j));
}

double to_cbc_objective(const Model& model, double value) { return sign(model) * (value - model.objective_constant()); }

double from_cbc_objective(const Model& model, double value) { return sign(model) * value + model.objective_constant(); }

}  // namespace espalier::milp
