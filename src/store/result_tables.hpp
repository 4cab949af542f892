// Private: rows of results.h5, collected column by column.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "espalier/h5/table.hpp"
#include "espalier/store/output_directory.hpp"
#include "espalier/task/stage.hpp"

namespace espalier::store {

/// What stands for "no value" in an integer column: -1, or the smallest int64 if the field may be -1.
std::int64_t missing_integer(const task::Field& field);

/// One column, described by a field.
class ColumnBuilder {
 public:
  explicit ColumnBuilder(const task::Field& field);
  /// Null: the missing value. Error(internal) if the value is of another type (an integer is taken for a real).
  void add(const task::Value* value, const std::string& where);
  const task::Field& field() const { return field_; }
  h5::Column take() { return std::move(column_); }

 private:
  task::Field field_;
  h5::Column column_;
};

/// A named array of some rows, as values one after the other and an index of (key, row, offset, length).
struct RaggedArray {
  task::Field field;
  std::vector<double> values;
  std::vector<std::string> keys;
  std::vector<std::int64_t> rows, offsets, lengths;
};

/// One table of results: rows of all kinds of stages that name it.
class ResultTable {
 public:
  ResultTable(std::string name, const task::StageRegistry& stages);

  const std::string& name() const { return name_; }
  std::size_t rows() const { return rows_; }
  /// Error(internal) if the outcome has a value or an array that its stage does not declare.
  void add(const task::Stage& stage, const task::TaskSpec& spec, const task::Outcome& outcome);
  /// /<name> and /arrays/<name>.
  void write(const h5::Group& root);

 private:
  void add_fields(std::vector<ColumnBuilder>& columns, const task::Schema& schema, const task::Stage& stage) const;
  void add_arrays(const task::Stage& stage, const task::Outcome& outcome);
  void write_arrays(const h5::Group& root) const;

  std::string name_;
  std::size_t rows_ = 0;
  std::vector<ColumnBuilder> fixed_;       // key, kind, status, message
  std::vector<ColumnBuilder> parameters_;  // of all kinds, in their order
  std::vector<ColumnBuilder> results_;
  std::vector<RaggedArray> arrays_;
};

/// /stages: every task of the plan, then those that have left it.
class StagesTable {
 public:
  StagesTable();
  /// Null: waiting.
  void add(const task::TaskSpec& spec, const std::string& table, const task::Outcome* outcome);
  /// A finished task that is no longer asked for: it has no row elsewhere.
  void add_dropped(const OutputDirectory& directory, const task::StageKey& key);
  void write(const h5::Group& root);

 private:
  void add(const std::string& status, const task::TaskSpec& spec, const std::string& table, const task::Outcome* outcome);
  std::vector<ColumnBuilder> columns_;
};

/// "done", "failed", "waiting"
std::string status_of(const task::Outcome* outcome);

/// Writes a table, and says in attributes which columns are measured ("measured.<column>") and what stands for no value in those of
/// integers ("missing.<column>").
void write_columns(const h5::Group& group, const std::string& name, const std::vector<ColumnBuilder*>& columns);

}  // namespace espalier::store
