#include "espalier/milp/model.hpp"

#include <algorithm>
#include <cmath>

#include "espalier/base/error.hpp"

namespace espalier::milp {
namespace {

using base::ErrorKind;
using base::fail;

std::string column_label(const Model& model, std::size_t index) {
  return fmt::format("column {} ('{}')", index, model.columns()[index].name);
}

std::string row_label(const Model& model, std::size_t index) { return fmt::format("row {} ('{}')", index, model.rows()[index].name); }

void check_interval(double lower, double upper, const std::string& where) {
  if (std::isnan(lower) || std::isnan(upper)) fail(ErrorKind::numeric, "{}: bounds must be numbers, found [{}, {}]", where, lower, upper);
  if (lower == infinity || upper == -infinity)
    fail(ErrorKind::numeric, "{}: a lower bound below +infinity and an upper bound above -infinity are expected, found [{}, {}]", where,
         lower, upper);
  if (lower > upper) fail(ErrorKind::numeric, "{}: bounds are crossed, lower {:.17g} > upper {:.17g}", where, lower, upper);
}

/// `marks` remembers who used a column last, so that a repeated column is found without sorting.
void check_terms(const Model& model, const std::vector<Term>& terms, const std::string& where, std::vector<std::size_t>& marks,
                 std::size_t mark) {
  const std::size_t columns = model.columns().size();
  for (const Term& term : terms) {
    if (term.column.index < 0 || static_cast<std::size_t>(term.column.index) >= columns)
      fail(ErrorKind::internal, "{}: column indices from 0 to {} are expected, found {}", where, static_cast<std::int64_t>(columns) - 1,
           term.column.index);
    if (!std::isfinite(term.coefficient))
      fail(ErrorKind::numeric, "{}: finite coefficients are expected, found {} at {}", where, term.coefficient,
           column_label(model, static_cast<std::size_t>(term.column.index)));
    std::size_t& last = marks[static_cast<std::size_t>(term.column.index)];
    if (last == mark)
      fail(ErrorKind::internal, "{}: each column at most once is expected, found {} twice", where,
           column_label(model, static_cast<std::size_t>(term.column.index)));
    last = mark;
  }
}

double value_at(const std::vector<Term>& terms, const std::vector<double>& x) {
  double sum = 0;
  for (const Term& term : terms) sum += term.coefficient * x[static_cast<std::size_t>(term.column.index)];
  return sum;
}

void check_size(const Model& model, const std::vector<double>& x) {
  if (x.size() != model.columns().size())
    fail(ErrorKind::internal, "a point with {} values, one per column, is expected, found {}", model.columns().size(), x.size());
}

}  // namespace

Column Model::add_column(ColumnData column) {
  columns_.push_back(std::move(column));
  return Column{static_cast<std::int32_t>(columns_.size() - 1)};
}

Column Model::add_binary(std::string name, int branching_priority) {
  return add_column({.lower = 0, .upper = 1, .integer = true, .branching_priority = branching_priority, .name = std::move(name)});
}

void Model::add_row(RowData row) { rows_.push_back(std::move(row)); }

void Model::set_objective(Sense sense, std::vector<Term> terms, double constant) {
  sense_ = sense;
  objective_ = std::move(terms);
  constant_ = constant;
}

std::size_t Model::nonzeros() const {
  std::size_t count = 0;
  for (const RowData& row : rows_) count += row.terms.size();
  return count;
}

std::size_t Model::integer_columns() const {
  return static_cast<std::size_t>(std::count_if(columns_.begin(), columns_.end(), [](const ColumnData& c) { return c.integer; }));
}

double Model::objective_value(const std::vector<double>& x) const {
  check_size(*this, x);
  return constant_ + value_at(objective_, x);
}

double Model::violation(const std::vector<double>& x) const {
  check_size(*this, x);
  double worst = 0;
  const auto outside = [&worst](double value, double lower, double upper) {
    // A NaN compares false with everything, and infinity is within an infinite bound: they must count as the worst violation, not as none.
    worst = !std::isfinite(value) ? infinity : std::max({worst, lower - value, value - upper});
  };
  for (std::size_t j = 0; j < columns_.size() && worst < infinity; ++j) {
    outside(x[j], columns_[j].lower, columns_[j].upper);
    if (columns_[j].integer) outside(x[j] - std::round(x[j]), 0, 0);
  }
  for (std::size_t i = 0; i < rows_.size() && worst < infinity; ++i) outside(value_at(rows_[i].terms, x), rows_[i].lower, rows_[i].upper);
  return worst;
}

void Model::check() const {
  std::vector<std::size_t> marks(columns_.size(), 0);
  for (std::size_t j = 0; j < columns_.size(); ++j) {
    check_interval(columns_[j].lower, columns_[j].upper, column_label(*this, j));
    if (columns_[j].integer && std::ceil(columns_[j].lower) > std::floor(columns_[j].upper))
      fail(ErrorKind::numeric, "{}: an integer between its bounds is expected, found [{:.17g}, {:.17g}]", column_label(*this, j),
           columns_[j].lower, columns_[j].upper);
  }
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    const std::string where = row_label(*this, i);
    check_interval(rows_[i].lower, rows_[i].upper, where);
    check_terms(*this, rows_[i].terms, where, marks, i + 1);
  }
  check_terms(*this, objective_, "objective", marks, rows_.size() + 1);
  if (!std::isfinite(constant_)) fail(ErrorKind::numeric, "objective: a finite constant is expected, found {}", constant_);
}

}  // namespace espalier::milp
