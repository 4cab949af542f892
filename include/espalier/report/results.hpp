// What the tables are made of: the tables of a result file.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "espalier/h5/table.hpp"

namespace espalier::report {

struct Results {
  h5::Table solves;
  h5::Table networks;
  std::vector<std::string> parameters;  ///< columns of solves that are parameters of the experiment
  std::int64_t tasks_done = 0;
  std::int64_t tasks_failed = 0;
  std::int64_t tasks_waiting = 0;  ///< 0: the run is complete
  std::string command;             ///< that continues it; empty if the file does not say
};

/// From a result file. Error(data) names what it misses.
Results read_results(const std::filesystem::path& file);

/// The parameters of a /solves that does not name them in its attribute "parameters": in files of earlier versions they stand behind the
/// columns of every table and end with `repetition`.
std::vector<std::string> parameters_by_place(const h5::Table& solves);

/// A sentence that goes before the tables of a run that is not complete; empty if it is.
std::string describe_incomplete(const Results& results);

}  // namespace espalier::report
