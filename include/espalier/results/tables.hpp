// The tables of results.h5 and the arrays beside them, as they are written: without more than a block of rows in memory. All rows are added
// twice, in one order: before start() they are only looked at, between start() and finish() they are written.
#pragma once
#include <map>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "espalier/h5/append.hpp"
#include "espalier/results/growing_table.hpp"
#include "espalier/task/stage.hpp"

namespace espalier::results {

/// A named array of some rows, as values one after the other and an index of (key, row, offset, length).
struct RaggedArray {
  explicit RaggedArray(task::Field named);
  void add(const task::StageKey& key, std::size_t row, const task::Array& array);
  void start(const h5::Group& group);
  void finish();

  task::Field field;
  GrowingTable index;
  std::optional<h5::ArrayWriter> values;
  std::uint64_t offset = 0;
  std::unordered_map<base::Digest, std::uint64_t> shared;  ///< where those stand that several rows have
};

/// One table of results: rows of all kinds of stages that name it.
class ResultTable {
 public:
  ResultTable(std::string name, const task::StageRegistry& stages);

  const std::string& name() const { return name_; }
  /// `inherited`: what Stage::inherited says. Error(internal) if there is a value or an array that the stage does not declare.
  void add(const task::Stage& stage, const task::TaskSpec& spec, const task::Outcome& outcome, const task::Parameters& inherited);
  /// /<name> and /arrays/<name>.
  void start(const h5::Group& root);
  void finish();

 private:
  void add_arrays(const task::Stage& stage, const task::Outcome& outcome);

  std::string name_;
  task::Schema parameters_;  // of all kinds, in their order
  task::Schema results_;
  std::map<std::string, std::vector<bool>> declared_;  // kind -> which of the parameters it has
  GrowingTable rows_;                                  // key, kind, status, message, ..., then the parameters, then the results
  std::vector<RaggedArray> arrays_;
};

/// /stages: every task of the plan, then those that have left it.
class StagesTable {
 public:
  StagesTable();
  /// Null: waiting.
  void add(const task::TaskSpec& spec, const std::string& table, const task::Outcome* outcome);
  /// A finished task that is no longer asked for: it has no row elsewhere. `kind`: empty if it is not known any more.
  void add_dropped(const std::string& kind, const task::Outcome& outcome);
  void start(const h5::Group& root) { rows_.start(root, "stages"); }
  void finish() { rows_.finish(); }

 private:
  void add(const std::string& status, const task::TaskSpec& spec, const std::string& table, const task::Outcome* outcome);
  GrowingTable rows_;
};

}  // namespace espalier::results
