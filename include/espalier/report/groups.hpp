// Rows of /solves in groups, so that nothing that differs is pooled in silence.
#pragma once
#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "espalier/results/reader.hpp"

namespace espalier::report {

/// Some columns of a table, every value as a text (equal texts if and only if equal values) and as its place in the column's order: numbers
/// by size, "none" before other texts, widths such as 15-15 before longer ones.
class Values {
 public:
  /// Columns that the table does not have are left out; `more` is taken for one of its columns.
  Values(const results::Table& table, std::span<const std::string> names, const h5::Column* more = nullptr);

  const std::vector<std::string>& names() const { return names_; }
  std::optional<std::size_t> find(const std::string& name) const;
  const std::string& text(std::size_t column, std::size_t row) const { return columns_[column].texts[columns_[column].codes[row]]; }
  std::uint32_t code(std::size_t column, std::size_t row) const { return columns_[column].codes[row]; }

 private:
  struct Coded {
    std::vector<std::string> texts;  ///< distinct, in order
    std::vector<std::uint32_t> codes;
  };
  std::vector<std::string> names_;
  std::vector<Coded> columns_;
};

struct Group {
  std::vector<std::string> values;   ///< of Groups::columns
  std::vector<std::size_t> members;  ///< rows
};

/// Groups of rows that agree in every parameter but those that repeat an experiment: the seeds, the image and the number of the
/// repetition, and the radius if each image has one.
struct Groups {
  std::vector<std::string> columns;  ///< parameters that tell the groups apart; those that follow from others are left out
  std::vector<Group> groups;         ///< in the order of these columns
  std::vector<std::pair<std::string, std::string>> common;  ///< of the parameters asked for first, those with one value everywhere
  std::string pooled;                                       ///< what differs within groups: "train_seed (10 values), ..."; empty: nothing
};

/// `first`: parameters that are named before the others, in this order. `more`: a column beside the table's.
Groups group_rows(const results::Table& table, std::span<const std::size_t> rows, std::span<const std::string> parameters,
                  std::span<const std::string> first, const h5::Column* more = nullptr);

/// Finds for each row the one row of others that agrees with it.
class Partners {
 public:
  /// `columns`: in which partners agree.
  Partners(const results::Table& table, std::span<const std::size_t> candidates, std::span<const std::string> columns);

  /// None: there is no such row, or more than one.
  std::optional<std::size_t> find(std::size_t row) const;
  /// Why there is none: "the nearest differs in solve_time_limit (20 and 60)".
  std::string why_none(std::size_t row) const;

 private:
  std::vector<std::uint32_t> key(std::size_t row) const;
  Values values_;
  std::vector<std::size_t> candidates_;
  std::map<std::vector<std::uint32_t>, std::vector<std::size_t>> by_key_;
};

}  // namespace espalier::report
