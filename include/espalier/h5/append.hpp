// Datasets that are written block by block, for what is too long to be held in memory.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "espalier/h5/file.hpp"
#include "espalier/h5/table.hpp"

namespace espalier::h5 {

/// Writes a table that grows at its end; see write_table for its form.
class TableWriter {
 public:
  /// An empty table. Of the columns count name, type (the alternative of `values`), unit, meaning and text_width, which a text column must
  /// give (Error(internal) otherwise).
  TableWriter(const Group& group, const std::string& name, std::span<const Column> columns, const TableOptions& options = {});
  ~TableWriter();
  TableWriter(TableWriter&&) noexcept;
  TableWriter& operator=(TableWriter&&) noexcept;

  /// More rows, of the columns of the constructor in their order. Chunks that are not full are packed again when they grow: rows come best
  /// in multiples of rows_per_chunk().
  void append(const Table& rows);
  std::size_t rows_per_chunk() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Writes a one-dimensional float64 array that grows at its end.
class ArrayWriter {
 public:
  /// An empty array in chunks of 64 KiB unless options.chunk says otherwise.
  ArrayWriter(const Group& group, const std::string& name, const ArrayOptions& options = {});
  ~ArrayWriter();  ///< loses what finish() has not written
  ArrayWriter(ArrayWriter&&) noexcept;
  ArrayWriter& operator=(ArrayWriter&&) noexcept;

  void append(std::span<const double> values);
  std::uint64_t size() const;  ///< values appended so far
  void finish();               ///< writes the last chunk; nothing may be appended afterwards

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace espalier::h5
