// Rows of a table of results.h5 as text, for scripts and spreadsheets.
#pragma once
#include <filesystem>
#include <ostream>
#include <string>
#include <vector>

namespace espalier::report {

enum class RowFormat {
  csv,        ///< RFC 4180 with a header; no value is an empty field
  json_lines  ///< one object per row; no value is null
};

struct RowQuery {
  std::string table = "solves";
  std::vector<std::string> columns = {};     ///< in this order; none: all
  std::vector<std::string> conditions = {};  ///< all must hold: "prune_rate>=0.5"
  RowFormat format = RowFormat::csv;
};

/// Writes the rows of a file that meet all conditions, in the order of the file, block by block: memory does not grow with their number.
/// Reals are written in the shortest form that reads back the same, in JSON infinite ones as "inf" and "-inf"; booleans as true and false.
/// No value is what src/results/SCHEMA.md says: NaN, the number of `missing.<column>`, empty text.
///
/// A condition is a column, one of = != < <= > >=, and a value; text knows = and != only, booleans are compared with true or false. A row
/// without a value meets no condition but "column=", which asks for that, as "column!=" asks for rows with one.
///
/// Throws Error(configuration) for a table, a column, an operator or a value that does not exist, naming what there is.
void write_rows(const std::filesystem::path& file, const RowQuery& query, std::ostream& out);

}  // namespace espalier::report
