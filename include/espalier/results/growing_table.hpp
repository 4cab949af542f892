// A table of results.h5 of which no more than a block of rows is in memory.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "espalier/h5/append.hpp"
#include "espalier/task/field.hpp"

namespace espalier::results {

/// The width of a text column must be known when a table is made, and is that of its longest text: so all rows are added twice. Before
/// start() they are only looked at, between start() and finish() they are written.
class GrowingTable {
 public:
  explicit GrowingTable(const task::Schema& fields);

  /// One value per field; null: the missing value. Error(internal) if one is of another type (an integer is taken for a real).
  void add(std::span<const task::Value* const> row, const std::string& where);
  std::size_t rows() const { return rows_; }  ///< in this round
  bool writing() const { return writer_.has_value(); }

  /// Makes the table, and says in attributes which columns are measured ("measured.<column>") and what stands for no value in those of
  /// integers ("missing.<column>").
  void start(const h5::Group& group, const std::string& name);
  void finish();

 private:
  void flush();
  void measure();

  task::Schema fields_;
  h5::Table block_;
  std::vector<std::size_t> longest_;  ///< text of each column
  std::size_t rows_ = 0;
  std::optional<h5::TableWriter> writer_;
};

}  // namespace espalier::results
