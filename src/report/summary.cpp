#include "espalier/report/summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <tuple>

#include "espalier/base/error.hpp"
#include "espalier/h5/file.hpp"
#include "espalier/h5/table.hpp"
#include "report/figures.hpp"

namespace espalier::report {

namespace {

constexpr double never = std::numeric_limits<double>::infinity();

/// Finetuning time of the embedded networks' schedules as written: the measured time of the epochs that were run for a network alone,
/// scaled to all epochs of its schedule (a first round is shared, and rounds that cannot matter are skipped).
std::vector<double> finetune_seconds(const h5::Table& solves, const h5::Table& networks) {
  std::map<std::string, double> seconds;
  const auto& keys = networks.texts("key");
  const auto& training = networks.reals("training_seconds");
  const auto& run = networks.integers("epochs_run");
  const auto& nominal = networks.integers("epochs_nominal");
  for (std::size_t i = 0; i < keys.size(); ++i)
    if (run[i] > 0) seconds[keys[i]] = training[i] * static_cast<double>(nominal[i]) / static_cast<double>(run[i]);
  const auto& embedded = solves.texts("embedded_network");
  const auto& criterion = solves.texts("prune_criterion");
  std::vector<double> result;
  for (std::size_t i = 0; i < embedded.size(); ++i) {
    const auto it = seconds.find(embedded[i]);
    result.push_back(criterion[i] == "none" || it == seconds.end() ? 0 : it->second);
  }
  return result;
}

/// The columns of /solves that a summary looks at.
class Solves {
 public:
  Solves(const h5::Table& table, const h5::Table& networks)
      : status(table.texts("status")),
        dataset(table.texts("dataset_name")),
        side(table.integers("dataset_side")),
        hidden(table.texts("network_hidden")),
        criterion(table.texts("prune_criterion")),
        structure(table.texts("prune_structure")),
        rate(table.reals("prune_rate")),
        finetuning(table.texts("prune_finetuning")),
        adversarial(table.booleans("adversarial")),
        solve_status(table.texts("solve_status")),
        limit(table.texts("solve_limit")),
        first(table.reals("first_adversarial_seconds")),
        accuracy(table.reals("embedded_test_accuracy")),
        finetune(finetune_seconds(table, networks)),
        binaries(table.integers("model_binaries")),
        dense(table.texts("dense_network")),
        sample(table.integers("problem_sample_index")),
        epsilon(table.reals("problem_epsilon")),
        solver(table.texts("solve_solver")),
        formulation(table.texts("solve_formulation")),
        bounds(table.texts("solve_bounds")),
        repetition(table.integers("repetition")) {}

  std::size_t size() const { return status.size(); }
  bool done(std::size_t i) const { return status[i] == "done"; }
  bool is_dense(std::size_t i) const { return criterion[i] == "none"; }
  double time(std::size_t i) const { return std::isnan(first[i]) ? never : first[i]; }

  /// What a surrogate's solve and the dense solve beside it have in common.
  auto problem(std::size_t i) const {
    return std::make_tuple(dense[i], sample[i], epsilon[i], solver[i], formulation[i], bounds[i], repetition[i]);
  }
  auto group(std::size_t i) const {
    return std::make_tuple(dataset[i], side[i], hidden[i], is_dense(i) ? 0 : 1, criterion[i], structure[i], finetuning[i], rate[i]);
  }

  const std::vector<std::string>& status;
  const std::vector<std::string>& dataset;
  const std::vector<std::int64_t>& side;
  const std::vector<std::string>& hidden;
  const std::vector<std::string>& criterion;
  const std::vector<std::string>& structure;
  const std::vector<double>& rate;
  const std::vector<std::string>& finetuning;
  const std::vector<bool>& adversarial;
  const std::vector<std::string>& solve_status;
  const std::vector<std::string>& limit;
  const std::vector<double>& first;
  const std::vector<double>& accuracy;
  const std::vector<double> finetune;  ///< s; 0 without finetuning
  const std::vector<std::int64_t>& binaries;
  const std::vector<std::string>& dense;
  const std::vector<std::int64_t>& sample;
  const std::vector<double>& epsilon;
  const std::vector<std::string>& solver;
  const std::vector<std::string>& formulation;
  const std::vector<std::string>& bounds;
  const std::vector<std::int64_t>& repetition;
};

using DenseTimes = std::map<decltype(std::declval<Solves>().problem(0)), double>;

void compare(SummaryRow& row, const Solves& solves, std::size_t i, const DenseTimes& dense_times) {
  const auto dense = dense_times.find(solves.problem(i));
  if (dense == dense_times.end()) return;
  ++row.pairs;
  if (solves.time(i) < dense->second) ++row.faster;
  if (solves.time(i) + solves.finetune[i] < dense->second) ++row.faster_with_finetuning;
}

SummaryRow summarise_group(const Solves& solves, const std::vector<std::size_t>& members, const DenseTimes& dense_times) {
  const std::size_t any = members.front();
  SummaryRow row{.dataset = solves.dataset[any],
                 .side = solves.side[any],
                 .architecture = solves.hidden[any],
                 .criterion = solves.criterion[any],
                 .structure = solves.structure[any],
                 .rate = solves.rate[any],
                 .finetuning = solves.finetuning[any]};
  std::vector<double> accuracies, seconds, binaries;
  for (const std::size_t i : members) {
    ++row.solves;
    if (!solves.done(i)) {
      ++row.failed;
      continue;
    }
    accuracies.push_back(solves.accuracy[i]);
    binaries.push_back(static_cast<double>(solves.binaries[i]));
    if (solves.adversarial[i]) {
      ++row.adversarial;
      seconds.push_back(solves.first[i]);
    } else if (is_claimed(solves.solve_status[i])) {
      ++row.claimed;
    } else if (solves.limit[i] != "none") {
      ++row.limit;
    }
    if (!solves.is_dense(i)) compare(row, solves, i, dense_times);
  }
  row.median_accuracy = median(std::move(accuracies));
  row.median_seconds = median(std::move(seconds));
  row.median_binaries = median(std::move(binaries));
  return row;
}

std::string share(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? "-" : fmt::format("{:.1f}%", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

}  // namespace

std::vector<SummaryRow> summarise(const h5::Table& solves_table, const h5::Table& networks) {
  const Solves solves(solves_table, networks);
  const h5::Column* about = solves_table.find("problem_network");
  const auto* subject = about ? &solves_table.texts("problem_network") : nullptr;
  DenseTimes dense_times;
  std::map<decltype(solves.group(0)), std::vector<std::size_t>> groups;
  for (std::size_t i = 0; i < solves.size(); ++i) {
    if (solves.status[i] == "waiting" || (subject && (*subject)[i] == "embedded")) continue;
    groups[solves.group(i)].push_back(i);
    if (solves.done(i) && solves.is_dense(i)) dense_times[solves.problem(i)] = solves.time(i);
  }
  std::vector<SummaryRow> rows;
  for (const auto& [name, members] : groups) rows.push_back(summarise_group(solves, members, dense_times));
  return rows;
}

std::string format_text(const std::vector<SummaryRow>& rows) {
  std::string text = fmt::format("{:<14} {:>4} {:<9} {:<24} {:<10} {:>5} {:>6} {:>6} {:>7} {:>6} {:>8} {:>9} {:>9} {:>7} {:>9}\n",
                                 "data set", "side", "hidden", "pruning", "finetuning", "rate", "solves", "found", "claimed", "limit",
                                 "binaries", "accuracy", "first [s]", "faster", "with f.t.");
  for (const SummaryRow& row : rows) {
    const bool dense = row.criterion == "none";
    text += fmt::format("{:<14} {:>4} {:<9} {:<24} {:<10} {:>5} {:>6} {:>6} {:>7} {:>6} {:>8} {:>9} {:>9} {:>7} {:>9}\n", row.dataset,
                        row.side, row.architecture, dense ? "dense" : row.criterion + " " + row.structure, dense ? "-" : row.finetuning,
                        dense ? "-" : fmt::format("{:g}", row.rate), row.solves, row.adversarial, row.claimed, row.limit,
                        number(row.median_binaries, 0), number(100 * row.median_accuracy, 2) + "%", number(row.median_seconds, 3),
                        dense ? "" : share(row.faster, row.pairs),
                        dense || row.finetuning == "none" ? "" : share(row.faster_with_finetuning, row.pairs));
  }
  text +=
      "found: a verified adversarial input of the dense network; claimed: none, says a solver, which bounds of our own did not confirm; "
      "first: median wall time to it; accuracy: median test accuracy of the "
      "embedded\n"
      "network; faster: share of problems on which that time is strictly below the dense network's (with f.t.: finetuning time added).\n";
  std::int64_t failed = 0;
  for (const SummaryRow& row : rows) failed += row.failed;
  if (failed > 0) text += fmt::format("{} solves failed: see message in /solves, or espalier status.\n", failed);
  return text;
}

std::string format_csv(const std::vector<SummaryRow>& rows) {
  std::string text =
      "dataset,side,hidden,criterion,structure,rate,finetuning,solves,failed,adversarial,claimed,limit,median_accuracy,median_first_"
      "adversarial_"
      "seconds,"
      "median_binaries,pairs,faster,faster_with_finetuning\n";
  for (const SummaryRow& r : rows)
    text += fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\n", r.dataset, r.side, r.architecture, r.criterion,
                        r.structure, r.rate, r.finetuning, r.solves, r.failed, r.adversarial, r.claimed, r.limit, r.median_accuracy,
                        r.median_seconds, r.median_binaries, r.pairs, r.faster, r.faster_with_finetuning);
  return text;
}

std::vector<SummaryRow> summarise_file(const std::filesystem::path& directory_or_file) {
  const h5::File file = h5::File::open_read_only(results_file(directory_or_file));
  return summarise(h5::read_table(file.root(), "solves"), h5::read_table(file.root(), "networks"));
}

}  // namespace espalier::report
