// Parts of an array or table that is too long to be held in memory.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "espalier/h5/file.hpp"
#include "espalier/h5/table.hpp"

namespace espalier::h5 {

/// A one-dimensional array of reals, which stays open.
class ArrayReader {
 public:
  /// Error(data) if it is not there, has other dimensions or another type.
  ArrayReader(const Group& group, const std::string& name);
  ~ArrayReader();
  ArrayReader(ArrayReader&&) noexcept;
  ArrayReader& operator=(ArrayReader&&) noexcept;

  std::uint64_t size() const;
  /// Error(data) unless they lie within the array.
  std::vector<double> read(std::uint64_t offset, std::uint64_t count) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// A table (see read_table), which stays open.
class TableReader {
 public:
  /// Of the named columns, in this order; none: of all. Error(data) if the table or a column is not there.
  TableReader(const Group& group, const std::string& name, const std::vector<std::string>& columns = {});
  ~TableReader();
  TableReader(TableReader&&) noexcept;
  TableReader& operator=(TableReader&&) noexcept;

  std::uint64_t rows() const;
  const std::vector<Column>& columns() const;  ///< name, type, unit and meaning; no values
  /// Error(data) unless the rows lie within the table.
  Table read(std::uint64_t offset, std::uint64_t count) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace espalier::h5
