// Tables of problems that are about the embedded network itself: networks as trained against the pruned ones, each with its own problem
// (Cacciola, Frangioni and Lodi 2023, Tables 1 and 2).
#pragma once
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "espalier/report/outcomes.hpp"
#include "espalier/report/results.hpp"

namespace espalier::studies::spr {

/// One group of solves: equal in every parameter but the seeds, the image (with a radius of its own) and the number of the repetition.
struct TableRow {
  std::vector<std::string> group;  ///< values of Table::columns
  std::string hidden;              ///< widths before pruning, as 50-50
  std::string network;             ///< "as trained", or regulariser, strength and alpha, and what pruned it

  std::vector<std::string> architectures;  ///< of the embedded networks, one each, in order of the training seeds, as "1x39-1x43" or "2x50"
  report::Outcomes outcomes;
  double median_accuracy = 0;  ///< test accuracy of the embedded networks
  double median_binaries = 0;
  double median_nodes = 0;
  double median_seconds = 0;  ///< bounds, model and solver

  /// Pairs of a pruned network and the network as trained, equal in all parameters but regulariser, pruning and compression, on problems
  /// that are decided with both; and the geometric mean of (seconds as trained + 0.01) / (seconds pruned + 0.01): below 10 ms times are
  /// noise.
  std::int64_t pairs = 0;
  double speed_up = std::numeric_limits<double>::quiet_NaN();  ///< NaN without pairs
  std::int64_t unpaired = 0;                                   ///< done solves without such a partner, decided or not
  std::string unpaired_reason;                                 ///< of the first of them

  std::int64_t transfer_networks = 0;  ///< how often an adversarial input was run through another network ...
  std::int64_t transfer_adversarial = 0;
  std::int64_t transfer_class_changed = 0;
};

struct Table {
  std::vector<std::string> columns;  ///< parameters that tell the groups apart; "network" stands for those of training and pruning
  std::vector<TableRow> rows;        ///< in the order of these columns, as trained first
  std::vector<std::pair<std::string, std::string>> common;  ///< data set, architecture and radius where they are the same in all rows
  std::string pooled;                                       ///< what differs within the groups
};

/// Throws base::Error(data) if a column of results is missing.
Table summarise(const report::Results& results);

/// Text for a terminal of 100 columns (empty for no rows), and CSV with a line for each row.
std::string format_text(const Table& table);
std::string format_csv(const Table& table);

}  // namespace espalier::studies::spr
