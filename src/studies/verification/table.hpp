// The table of given problems: how many were answered, and at what cost.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "espalier/report/outcomes.hpp"
#include "espalier/report/results.hpp"

namespace espalier::studies::verification {

/// One group of solves: equal in every parameter but the problem's name, the seed and the number of the repetition.
struct TableRow {
  std::vector<std::string> group;  ///< values of Table::columns
  report::Outcomes outcomes;
  double median_nodes = 0;    ///< of the solves that are done, as the others
  double median_seconds = 0;  ///< wall time
  double most_seconds = 0;
  double total_seconds = 0;
};

struct Table {
  std::vector<std::string> columns;                         ///< parameters that tell the groups apart
  std::vector<TableRow> rows;                               ///< in the order of these columns
  std::vector<std::pair<std::string, std::string>> common;  ///< file and solver where they are the same in all rows
  std::string pooled;                                       ///< what differs within the groups
};

/// Throws base::Error(data) if a column of results is missing.
Table summarise(const report::Results& results);

/// Text for a terminal of 100 columns, and CSV with a line for each row.
std::string format_text(const Table& table);
std::string format_csv(const Table& table);

}  // namespace espalier::studies::verification
