// Tables of problems that are about the embedded network itself: networks as trained against the pruned ones, each with its own problem
// (Cacciola, Frangioni and Lodi 2023, Tables 1 and 2).
#pragma once
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

namespace espalier::h5 {
struct Table;
}

namespace espalier::report {

/// One group of solves: equal data set, side, hidden widths before pruning, training and pruning, radius, solver and bounds.
struct OwnProblemsRow {
  std::string dataset;
  std::int64_t side = 0;
  std::string hidden;   ///< widths before pruning, as 50-50
  std::string network;  ///< "as trained", or regulariser, strength and alpha, and what pruned it
  double epsilon = 0;
  std::string solver;
  std::string bounds;

  std::vector<std::string> architectures;  ///< of the embedded networks, one each, in order of the training seeds, as "1x39-1x43" or "2x50"
  std::int64_t solves = 0;                 ///< rows of the group, failed ones included
  std::int64_t decided = 0;                ///< ended by a proof or a verified adversarial input
  std::int64_t claimed = 0;                ///< a MILP solver says so, which bounds of our own did not confirm; not decided
  std::int64_t adversarial = 0;            ///< with a verified adversarial input
  double median_accuracy = 0;              ///< test accuracy of the embedded networks
  double median_binaries = 0;
  double median_nodes = 0;
  double median_seconds = 0;  ///< bounds, model and solver

  /// Pairs of a pruned network and the network as trained from the same seed, on problems of equal image, radius, solver and bounds, both
  /// decided; and the geometric mean of (seconds as trained + 0.01) / (seconds pruned + 0.01): below 10 ms times are noise.
  std::int64_t pairs = 0;
  double speed_up = std::numeric_limits<double>::quiet_NaN();  ///< NaN without pairs

  std::int64_t transfer_networks = 0;  ///< how often an adversarial input was run through another network ...
  std::int64_t transfer_adversarial = 0;
  std::int64_t transfer_class_changed = 0;
};

/// Rows whose problem_network is "embedded", and the unpruned rows beside them; empty if there are none of the former. Order: data set,
/// side, hidden, radius, solver, bounds; as trained first. Throws base::Error(data) if a column is missing.
std::vector<OwnProblemsRow> summarise_own_problems(const h5::Table& solves, const h5::Table& networks);
std::vector<OwnProblemsRow> summarise_own_problems(const std::filesystem::path& directory_or_file);

/// Fixed-width text for a terminal; empty for no rows.
std::string format_text(const std::vector<OwnProblemsRow>& rows);
std::string format_csv(const std::vector<OwnProblemsRow>& rows);

}  // namespace espalier::report
