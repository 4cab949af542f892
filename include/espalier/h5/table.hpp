// Tables: one-dimensional datasets of a compound type, which h5py/pandas, Julia and MATLAB read in one line.
#pragma once
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "espalier/h5/file.hpp"

namespace espalier::h5 {

/// Booleans are stored as h5py's enumeration FALSE/TRUE, integers as int64, reals as float64, text as UTF-8.
using ColumnValues = std::variant<std::vector<bool>, std::vector<std::int64_t>, std::vector<double>, std::vector<std::string>>;

/// How a text column is stored. Fixed width (null-padded) is compressed and checksummed with its row; variable length is neither.
struct TextWidth {
  static constexpr std::size_t longest_automatic = 256;
  std::optional<std::size_t>
      bytes;  ///< none: the longest value's length, or variable length if that is above longest_automatic; 0: variable
};

/// The automatic width of a column whose longest text has so many bytes.
TextWidth text_width_for(std::size_t longest);

struct Column {
  std::string name;
  ColumnValues values = {};
  std::string unit = {};     ///< "s", "1" (a pure number), "" (not a quantity)
  std::string meaning = {};  ///< one sentence
  TextWidth text_width = {};

  std::size_t size() const;
};

struct Table {
  std::vector<Column> columns;

  std::size_t rows() const { return columns.empty() ? 0 : columns.front().size(); }
  const Column* find(const std::string& name) const;
  /// Typed values of a column; Error(data) naming the columns there are if it is absent or of another type.
  const std::vector<bool>& booleans(const std::string& name) const;
  const std::vector<std::int64_t>& integers(const std::string& name) const;
  const std::vector<double>& reals(const std::string& name) const;
  const std::vector<std::string>& texts(const std::string& name) const;
};

struct TableOptions {
  std::size_t rows_per_chunk = 1024;
  int gzip_level = 4;
  bool fletcher32 = true;
};

/// Writes the table as dataset `name`. Units and meanings become the dataset's attributes "unit.<column>" and "meaning.<column>".
/// Error(internal) if columns differ in length, a name stands twice, there is no column, or a text is longer than its fixed width or
/// contains a zero byte.
void write_table(const Group& group, const std::string& name, const Table& table, const TableOptions& options = {});

/// Reads any one-dimensional compound dataset whose members are booleans, integers, reals or text (of other widths too), with units and
/// meanings where there are any.
Table read_table(const Group& group, const std::string& name);
/// One column alone.
Column read_column(const Group& group, const std::string& name, const std::string& column);

}  // namespace espalier::h5
