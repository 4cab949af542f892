// results.h5: a view built from journal and part files. Its schema is documented in src/store/SCHEMA.md.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "espalier/h5/table.hpp"
#include "espalier/store/output_directory.hpp"
#include "espalier/task/stage.hpp"

namespace espalier::store {

/// Raised when a reader of results.h5 would have to change.
inline constexpr std::int64_t results_schema_version = 1;

struct ResultCounts {
  std::size_t done = 0;
  std::size_t failed = 0;
  std::size_t waiting = 0;
  std::size_t parts_left_out = 0;  ///< part files that are missing or damaged
  bool complete() const { return waiting == 0; }
};

struct ResultOptions {
  bool copy_parts = true;  ///< content of part files below /parts
};

/// Writes results.h5 of the directory (or, for one opened by inspect(), `destination`) by temporary file and rename. Throws Error(io) when
/// the disk is full; the previous file and the journal are then as they were. Appends "results written" with the file's checksum
/// to the journal of a directory opened for writing. Error(internal) if an outcome has a value or array that its stage does not declare.
ResultCounts build_results(OutputDirectory& directory, const task::StageRegistry& stages, const task::TaskGraph& graph,
                           const ResultOptions& options = {});
ResultCounts build_results(const OutputDirectory& directory, const task::StageRegistry& stages, const task::TaskGraph& graph,
                           const std::filesystem::path& destination, const ResultOptions& options = {});

/// One table of a result file: "solves", "networks", "stages". Error(data) names the tables there are if it is absent.
h5::Table read_table(const std::filesystem::path& results_file, const std::string& name);

/// An array of the outcome with this key, from /arrays/<table>/<name>; empty if it has none.
std::vector<double> read_outcome_array(const std::filesystem::path& results_file, const std::string& table, const std::string& name,
                                       const task::StageKey& key);

}  // namespace espalier::store
