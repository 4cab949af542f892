// results.h5: a view built from journal and part files. Its schema is documented in src/results/SCHEMA.md.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "espalier/store/output_directory.hpp"
#include "espalier/task/stage.hpp"

namespace espalier::store {

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

}  // namespace espalier::store
