// Reading results.h5: a column, an array, a part at a time, when they are asked for. A run of a million solves does not fit in memory.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "espalier/h5/file.hpp"
#include "espalier/h5/range.hpp"
#include "espalier/h5/table.hpp"

namespace espalier::results {

/// Tables of a result file, by name.
std::vector<std::string> table_names(const h5::Group& root);

/// Where the values of a column go.
struct Binding {
  std::string column;
  std::variant<std::vector<bool>*, std::vector<std::int64_t>*, std::vector<double>*, std::vector<std::string>*> values;
};

/// A table whose columns are read when they are asked for. Rows lie in a file as a whole: several columns are best read together.
class Table {
 public:
  /// Error(data) naming the tables there are if it is not one of them.
  Table(const h5::Group& root, std::string name);
  /// One that is in memory as a whole.
  explicit Table(h5::Table table = {});

  std::size_t rows() const { return rows_; }
  const std::vector<std::string>& columns() const { return names_; }
  bool has(const std::string& column) const;
  /// Columns that are parameters of the stages, in order; of files of earlier versions those behind the columns of every table, up to
  /// `repetition`.
  const std::vector<std::string>& parameters() const { return parameters_; }

  /// Columns in blocks of rows, in one pass. Error(data) naming the columns there are if one is absent, here and below.
  void for_each_block(const std::vector<std::string>& columns, const std::function<void(const h5::Table& rows)>& visit) const;
  /// Whole columns, in one pass. Error(data), too, if one is of another type. Those that are bound with `or_empty` are left empty if files
  /// of earlier versions do not have them.
  void read(const std::vector<Binding>& columns, const std::vector<Binding>& or_empty = {}) const;

  /// One column, which stays in memory as long as the table does.
  const std::vector<bool>& booleans(const std::string& column) const;
  const std::vector<std::int64_t>& integers(const std::string& column) const;
  const std::vector<double>& reals(const std::string& column) const;
  const std::vector<std::string>& texts(const std::string& column) const;

 private:
  const h5::Table& kept(const std::string& column) const;

  std::optional<h5::Group> root_;  ///< none: in memory
  std::string name_;
  std::size_t rows_ = 0;
  std::vector<std::string> names_;
  std::vector<std::string> parameters_;
  mutable std::map<std::string, h5::Table> kept_;  ///< tables of one column
};

/// The arrays of one name that rows of a table have.
class RowArrays {
 public:
  /// Error(data) if a place lies beyond the values. No row has one if there is no such group.
  RowArrays(const h5::Group& root, const std::string& table, const std::string& array);

  std::optional<std::vector<double>> find(std::int64_t row) const;

 private:
  struct Place {
    std::int64_t row, offset, length;
  };
  std::optional<h5::ArrayReader> values_;
  std::vector<Place> places_;  ///< by row
};

/// A result file. It must outlive the tables and arrays that are taken from it.
class Reader {
 public:
  explicit Reader(const std::filesystem::path& path) : file_(h5::File::open_read_only(path)) {}

  h5::Group root() const { return file_.root(); }
  bool has_table(const std::string& name) const { return root().is_dataset(name); }
  Table table(const std::string& name) const { return {root(), name}; }
  RowArrays arrays(const std::string& table, const std::string& array) const { return {root(), table, array}; }
  /// What the part file of a task with a row in this table held; Error(data) if it is not there.
  h5::Group part(const std::string& table, const std::string& key) const;

 private:
  h5::File file_;
};

}  // namespace espalier::results
