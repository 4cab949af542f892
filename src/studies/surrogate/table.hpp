// The table of surrogates: how often a verified adversarial input of a dense network is found by way of a pruned one, and how fast.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "espalier/report/outcomes.hpp"
#include "espalier/report/results.hpp"

namespace espalier::studies::surrogate {

/// One group of solves: equal in every parameter but the seeds, the image (with a radius of its own) and the number of the repetition.
struct SummaryRow {
  std::vector<std::string> group;  ///< values of Summary::columns
  bool dense = false;              ///< no pruning: the arm that the others are compared with

  report::Outcomes outcomes;
  double median_accuracy = 0;  ///< test accuracy of the embedded network
  double median_seconds = 0;   ///< wall time to the first verified adversarial input, over those found; NaN if none
  double median_binaries = 0;  ///< of the MILP

  /// The "% faster" of arXiv 2505.01985, section 5: pairs of a pruned network's solve and the dense network's solve of the same problem
  /// (equal network, image, label, target and parameters, pruning apart); `faster` counts strictly smaller times to the first adversarial
  /// input, where not found counts as longer than any time (so both not found is no win).
  std::int64_t pairs = 0;
  std::int64_t faster = 0;
  std::int64_t faster_with_finetuning = 0;  ///< the same with the CPU time of finetuning added to the pruned network's
  std::int64_t unpaired = 0;                ///< solves of a pruned network without such a partner
  std::string unpaired_reason;              ///< of the first of them
};

struct Summary {
  std::vector<std::string> columns;                         ///< parameters that tell the groups apart
  std::vector<SummaryRow> rows;                             ///< in the order of these columns, dense first
  std::vector<std::pair<std::string, std::string>> common;  ///< data set, architecture and pruning where they are the same in all rows
  std::string pooled;                                       ///< what differs within the groups
};

/// Throws base::Error(data) if a column of results is missing.
Summary summarise(const report::Results& results);

/// Text for a terminal of 100 columns, and CSV with a line for each row.
std::string format_text(const Summary& summary);
std::string format_csv(const Summary& summary);

}  // namespace espalier::studies::surrogate
