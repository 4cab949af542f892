// Is an output directory, or a result file alone, whole and consistent?
#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace espalier::store {

enum class Severity {
  note,     ///< nothing is wrong, but a person should know: tasks waiting, a run is writing
  problem,  ///< damaged, missing or contradicting data
};

struct Finding {
  Severity severity;
  std::string where;  ///< "run.journal", "parts/ab/<key>.h5", "results.h5:/solves"
  std::string what;
};

/// Journal intact; every done task's part file present with its size and checksum; results.h5 present, as it was written, and in agreement
/// with the journal; then check_results_file. Does not throw for damage. Recomputing what was verified is the caller's part.
std::vector<Finding> check_directory(const std::filesystem::path& directory);

/// Every dataset readable (their checksums hold); schema version known; tables and /stages agree; array indices within range; complete.
std::vector<Finding> check_results_file(const std::filesystem::path& file);

bool has_problem(const std::vector<Finding>& findings);

}  // namespace espalier::store
