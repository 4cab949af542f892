// Tables for people, from a result file alone.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace espalier::h5 {
struct Table;
}

namespace espalier::report {

/// One group of solves: equal data set, side, architecture and pruning.
struct SummaryRow {
  std::string dataset;
  std::int64_t side = 0;
  std::string architecture;  ///< hidden widths, as 32-32
  std::string criterion;     ///< none: the dense arm
  std::string structure;
  double rate = 0;
  std::string finetuning;

  std::int64_t solves = 0;       ///< rows of the group, failed ones included
  std::int64_t failed = 0;       ///< rows without a result
  std::int64_t adversarial = 0;  ///< a verified adversarial input was found
  std::int64_t claimed = 0;      ///< without one: a MILP solver claims an answer that bounds of our own did not confirm
  std::int64_t limit = 0;        ///< others that ended by a limit without one
  double median_accuracy = 0;    ///< test accuracy of the embedded network
  double median_seconds = 0;     ///< to the first verified adversarial input, over those found; NaN if none
  double median_binaries = 0;    ///< of the MILP

  /// P2's measure (section 5, "% faster"): pairs of a surrogate and the dense solve of the same problem; `faster` counts strictly smaller
  /// times to the first adversarial input, where not found counts as longer than any time (so both not found is no win).
  std::int64_t pairs = 0;
  std::int64_t faster = 0;
  std::int64_t faster_with_finetuning = 0;  ///< the same with the finetuning time added to the surrogate's
};

/// Groups the rows of /solves (finetuning times come from /networks), in the order data set, side, architecture, criterion, structure,
/// finetuning, rate; dense arms first. Throws base::Error(data) if a column is missing.
std::vector<SummaryRow> summarise(const h5::Table& solves, const h5::Table& networks);

/// Fixed-width text for a terminal.
std::string format_text(const std::vector<SummaryRow>& rows);
std::string format_csv(const std::vector<SummaryRow>& rows);

/// summarise() of results.h5 in a directory, or of a result file.
std::vector<SummaryRow> summarise_file(const std::filesystem::path& directory_or_file);

}  // namespace espalier::report
