// What status, check, report and merge are pointed at: a run's folder, or a file of it, or a result file alone.
#pragma once
#include <filesystem>
#include <string>

namespace espalier::app {

struct Source {
  std::filesystem::path directory;  ///< the run's; empty for a result file alone
  std::filesystem::path results;    ///< its results.h5, which may not be there yet; or the file
};

/// Error(store), and so exit code 3, that says what was expected and found where nothing is, where something else is, or what cannot be
/// read. A file that stands in a run's folder stands for the run.
Source find_source(const std::string& path);

/// The same, and Error(store) for a result file alone.
std::filesystem::path find_run(const std::string& path);

/// Error(store) unless the file is one that espalier wrote as results.h5; where there is none yet, says which command writes it.
void require_results(const Source& source);

}  // namespace espalier::app
