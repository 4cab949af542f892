#include "espalier/milp/mps.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <ostream>

#include "espalier/base/error.hpp"

namespace espalier::milp {
namespace {

struct Entry {
  std::size_t row = 0;
  double value = 0;
};

bool written(const RowData& row) { return row.lower > -infinity || row.upper < infinity; }
bool ranged(const RowData& row) { return row.lower > -infinity && row.upper < infinity && row.lower != row.upper; }

char row_type(const RowData& row) {
  if (row.lower == row.upper) return 'E';
  return row.upper < infinity ? 'L' : 'G';
}

void write_rows(const Model& model, std::ostream& out) {
  out << "ROWS\n N obj\n";
  for (std::size_t i = 0; i < model.rows().size(); ++i)
    if (written(model.rows()[i])) out << fmt::format(" {} r{}\n", row_type(model.rows()[i]), i);
}

/// A reader knows a column by its first entry, so one without entries gets a zero in the objective.
bool write_columns(const Model& model, std::ostream& out, const base::Budget& budget) {
  const std::size_t columns = model.columns().size();
  std::vector<std::vector<Entry>> entries(columns);
  std::vector<double> cost(columns, 0.0);
  for (std::size_t i = 0; i < model.rows().size(); ++i) {
    if (!written(model.rows()[i])) continue;
    for (const Term& term : model.rows()[i].terms)
      if (term.coefficient != 0) entries[static_cast<std::size_t>(term.column.index)].push_back({i, term.coefficient});
  }
  const double sign = model.sense() == Sense::maximise ? -1 : 1;
  for (const Term& term : model.objective()) cost[static_cast<std::size_t>(term.column.index)] = sign * term.coefficient;

  out << "COLUMNS\n";
  bool integer = false;
  int markers = 0;
  const auto mark = [&](bool begin) {
    out << fmt::format(" m{} 'MARKER' '{}'\n", markers++, begin ? "INTORG" : "INTEND");
    integer = begin;
  };
  for (std::size_t j = 0; j < columns; ++j) {
    if (budget.spent()) return false;
    if (model.columns()[j].integer != integer) mark(!integer);
    if (cost[j] != 0 || entries[j].empty()) out << fmt::format(" c{} obj {}\n", j, cost[j]);
    for (const Entry& entry : entries[j]) out << fmt::format(" c{} r{} {}\n", j, entry.row, entry.value);
  }
  if (integer) mark(false);
  if (model.objective_constant() != 0) out << fmt::format(" constant obj {}\n", sign * model.objective_constant());
  return true;
}

void write_right_hand_sides(const Model& model, std::ostream& out) {
  out << "RHS\n";
  bool ranges = false;
  for (std::size_t i = 0; i < model.rows().size(); ++i) {
    const RowData& row = model.rows()[i];
    const double side = row.upper < infinity ? row.upper : row.lower;
    if (written(row) && side != 0) out << fmt::format(" rhs r{} {}\n", i, side);
    ranges = ranges || ranged(row);
  }
  if (!ranges) return;
  out << "RANGES\n";
  for (std::size_t i = 0; i < model.rows().size(); ++i)
    if (ranged(model.rows()[i])) out << fmt::format(" rng r{} {}\n", i, model.rows()[i].upper - model.rows()[i].lower);
}

void write_bounds(const Model& model, std::ostream& out) {
  out << "BOUNDS\n";
  for (std::size_t j = 0; j < model.columns().size(); ++j) {
    const ColumnData& column = model.columns()[j];
    // GLPK refuses an integer column with a fractional bound.
    const double lower = column.integer ? std::ceil(column.lower) : column.lower;
    const double upper = column.integer ? std::floor(column.upper) : column.upper;
    if (lower == -infinity && upper == infinity) {
      out << fmt::format(" FR bnd c{}\n", j);
      continue;
    }
    out << (lower == -infinity ? fmt::format(" MI bnd c{}\n", j) : fmt::format(" LO bnd c{} {}\n", j, lower));
    out << (upper == infinity ? fmt::format(" PL bnd c{}\n", j) : fmt::format(" UP bnd c{} {}\n", j, upper));
  }
  if (model.objective_constant() != 0) out << " FX bnd constant 1\n";
}

}  // namespace

bool write_mps(const Model& model, std::ostream& out, const base::Budget& budget) {
  out << "NAME espalier FREE\n";
  write_rows(model, out);
  if (!write_columns(model, out, budget)) return false;
  write_right_hand_sides(model, out);
  write_bounds(model, out);
  out << "ENDATA\n";
  return true;
}

bool write_mps_file(const Model& model, const std::filesystem::path& path, const base::Budget& budget) {
  std::ofstream out(path);
  const bool whole = write_mps(model, out, budget);
  out.close();
  if (out) return whole;
  const int reason = errno;
  // A process of its own may write 1 GiB (sandbox): a model that needs more is at fault itself, other errors are the disk's.
  constexpr std::uintmax_t largest = std::uintmax_t{1} << 30;
  std::error_code unknown;
  const bool too_large = reason == EFBIG && std::filesystem::file_size(path, unknown) >= largest && !unknown;
  base::fail(too_large ? base::ErrorKind::solver : base::ErrorKind::io, "cannot write the model to '{}': {}", path.string(),
             std::strerror(reason));
}

int mps_column(std::string_view name) {
  int index = -1;
  if (name.size() < 2 || name[0] != 'c') return -1;
  const auto [end, error] = std::from_chars(name.data() + 1, name.data() + name.size(), index);
  return error == std::errc() && end == name.data() + name.size() && index >= 0 ? index : -1;
}

}  // namespace espalier::milp
