// Joins output directories of one configuration: the shards of a grid.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "espalier/store/output_directory.hpp"
#include "espalier/task/stage.hpp"

namespace espalier::store {

struct MergeCounts {
  std::size_t added = 0;       ///< outcomes that came into the destination
  std::size_t present = 0;     ///< that it had before
  std::size_t duplicates = 0;  ///< found in more than one source; they agree
  std::size_t missing = 0;     ///< tasks of the graph without outcome
};

/// Which deterministic value of two done outcomes of one task differs: "accuracy: 0.9 and 0.8", "part file"; empty if none. Columns and
/// arrays that are measured (task::Field), times, ranks and hosts do not count.
std::string difference(const task::Stage& stage, const task::Outcome& one, const task::Outcome& other);

/// Takes the outcomes of the graph's tasks, with their part files, from the sources into the destination. Of several outcomes of one task
/// the first done one is kept (destination, then sources in their order), else the first failed one. Before anything is written all is
/// compared: throws Error(store) listing up to ten tasks whose done outcomes differ in a deterministic value, or whose part file is damaged
/// in every source. A part file is durable before its record, so a merge that was killed is continued by the next one. Syncs, writes no
/// results.h5.
MergeCounts merge_outcomes(OutputDirectory& destination, std::span<const OutputDirectory> sources, const task::StageRegistry& stages,
                           const task::TaskGraph& graph);

/// Takes over the sources' events (but "results written"), in the order of their times, with the fact "source" added; not twice.
void merge_events(OutputDirectory& destination, std::span<const OutputDirectory> sources);

/// Copies the files below log/ and problems/ that the destination does not have.
void merge_files(const OutputDirectory& destination, std::span<const OutputDirectory> sources);

}  // namespace espalier::store
