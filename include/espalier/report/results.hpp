// What the tables are made of: a result file.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "espalier/results/reader.hpp"

namespace espalier::report {

struct Results {
  std::shared_ptr<const results::Reader> file = nullptr;  ///< that the tables are read from; null: they are in memory
  results::Table solves;
  results::Table networks;              ///< empty if the study has none
  std::vector<std::string> parameters;  ///< columns of solves that are parameters of the experiment
  std::int64_t tasks_done = 0;
  std::int64_t tasks_failed = 0;
  std::int64_t tasks_waiting = 0;  ///< 0: the run is complete
  std::string command;             ///< that continues it; empty if the file does not say
};

/// From a result file. Error(data) names what it misses.
Results read_results(const std::filesystem::path& file);

/// A sentence that goes before the tables of a run that is not complete; empty if it is.
std::string describe_incomplete(const Results& results);

}  // namespace espalier::report
