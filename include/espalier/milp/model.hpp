// A mixed-integer linear program that no solver's headers leak into.
#pragma once
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace espalier::milp {

inline constexpr double infinity = std::numeric_limits<double>::infinity();

/// Index of a column (variable).
struct Column {
  std::int32_t index = -1;
  friend bool operator==(const Column&, const Column&) = default;
};

struct Term {
  Column column;
  double coefficient = 0;
};

struct ColumnData {
  double lower = 0;
  double upper = infinity;
  bool integer = false;
  int branching_priority = 0;  ///< smaller is branched on earlier; a hint
  std::string name;
};

struct RowData {
  double lower = -infinity;
  double upper = infinity;
  std::vector<Term> terms;
  std::string name;
};

enum class Sense { minimise, maximise };

/// maximise or minimise  constant + sum of objective terms
/// subject to            row.lower <= sum of row.terms <= row.upper,   column.lower <= x <= column.upper,   x_j integer for j marked.
class Model {
 public:
  Column add_column(ColumnData column);
  Column add_binary(std::string name, int branching_priority = 0);
  void add_row(RowData row);
  void set_objective(Sense sense, std::vector<Term> terms, double constant = 0);

  [[nodiscard]] const std::vector<ColumnData>& columns() const { return columns_; }
  [[nodiscard]] const std::vector<RowData>& rows() const { return rows_; }
  [[nodiscard]] Sense sense() const { return sense_; }
  [[nodiscard]] const std::vector<Term>& objective() const { return objective_; }
  [[nodiscard]] double objective_constant() const { return constant_; }

  [[nodiscard]] std::size_t nonzeros() const;  ///< of the rows
  [[nodiscard]] std::size_t integer_columns() const;
  [[nodiscard]] double objective_value(const std::vector<double>& x) const;
  /// Largest violation of a bound, a row or integrality at x, absolute.
  [[nodiscard]] double violation(const std::vector<double>& x) const;
  /// Throws base::Error(numeric or internal) naming the column or row with a NaN, crossed bounds or a bad index.
  void check() const;

 private:
  std::vector<ColumnData> columns_;
  std::vector<RowData> rows_;
  std::vector<Term> objective_;
  Sense sense_ = Sense::minimise;
  double constant_ = 0;
};

}  // namespace espalier::milp
