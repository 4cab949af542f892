// The table of properties: how many of a network's were answered, and at what cost.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "espalier/results/reader.hpp"

namespace espalier::studies::verification {

/// The instances of one network, or of all.
struct VerdictRow {
  std::string network;  ///< file name; "all"
  std::int64_t instances = 0;
  std::int64_t sat = 0;
  std::int64_t unsat = 0;
  std::int64_t timeout = 0;
  std::int64_t unknown = 0;
  std::int64_t failed = 0;
  double median_seconds = 0;  ///< of those that are done, wall time of the search
  double most_seconds = 0;
  double total_seconds = 0;
};

/// By network, and of all; none if the file has no verdicts.
std::vector<VerdictRow> summarise_verdicts(const results::Reader& file);

/// Text for a terminal of 100 columns, and CSV with a line for each row.
std::string format_text(const std::vector<VerdictRow>& rows);
std::string format_csv(const std::vector<VerdictRow>& rows);

}  // namespace espalier::studies::verification
