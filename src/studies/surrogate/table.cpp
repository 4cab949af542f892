#include "studies/surrogate/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "espalier/report/figures.hpp"
#include "espalier/report/groups.hpp"
#include "espalier/report/text_table.hpp"

namespace espalier::studies::surrogate {

using namespace report;

namespace {

constexpr double never = std::numeric_limits<double>::infinity();

const std::vector<std::string>& named_first() {
  static const std::vector<std::string> names{"dataset_name",    "dataset_side",    "network_hidden",   "network_file",
                                              "prune_criterion", "prune_structure", "prune_finetuning", "prune_rate"};
  return names;
}

/// The columns of /solves that a summary counts.
struct Solves {
  explicit Solves(const results::Table& table) {
    table.read({{"status", &status},
                {"prune_criterion", &criterion},
                {"solve_status", &solve_status},
                {"adversarial", &adversarial},
                {"first_adversarial_seconds", &first},
                {"embedded_test_accuracy", &accuracy},
                {"model_binaries", &binaries},
                {"finetuning_cpu_seconds", &finetune}});
  }

  bool done(std::size_t i) const { return status[i] == "done"; }
  bool is_dense(std::size_t i) const { return criterion[i] == "none"; }
  double time(std::size_t i) const { return std::isnan(first[i]) ? never : first[i]; }
  double finetuning(std::size_t i) const { return std::isnan(finetune[i]) ? 0 : finetune[i]; }

  std::vector<std::string> status;
  std::vector<std::string> criterion;
  std::vector<std::string> solve_status;
  std::vector<bool> adversarial;
  std::vector<double> first;
  std::vector<double> accuracy;
  std::vector<std::int64_t> binaries;
  std::vector<double> finetune;  ///< s of CPU time
};

/// In what a pruned network's solve and its dense partner agree: the network, the question and how it is solved. The dense arm has no
/// pruning, no choice of the network that is asked about, no source of its label and no protocol: dense_network, label and target tell
/// questions apart.
std::vector<std::string> partner_columns(const Results& results) {
  constexpr std::string_view of_surrogates[] = {"problem_network", "problem_label_source", "solve_protocol"};
  std::vector<std::string> columns{"dense_network", "label", "target"};
  for (const std::string& name : results.parameters) {
    const bool of_pruning = name.starts_with("prune_") || name.starts_with("select_");
    if (!of_pruning && std::find(std::begin(of_surrogates), std::end(of_surrogates), name) == std::end(of_surrogates))
      columns.push_back(name);
  }
  return columns;
}

void compare(SummaryRow& row, const Solves& solves, std::size_t i, const Partners& partners) {
  const auto dense = partners.find(i);
  if (!dense) {
    if (row.unpaired++ == 0) row.unpaired_reason = partners.why_none(i);
    return;
  }
  ++row.pairs;
  if (solves.time(i) < solves.time(*dense)) ++row.faster;
  if (solves.time(i) + solves.finetuning(i) < solves.time(*dense)) ++row.faster_with_finetuning;
}

SummaryRow summarise_group(const Solves& solves, const Group& group, const Partners& partners) {
  SummaryRow row{.group = group.values, .dense = solves.is_dense(group.members.front())};
  std::vector<double> accuracies, seconds, binaries;
  for (const std::size_t i : group.members) {
    count(row.outcomes, solves.status[i], solves.solve_status[i], solves.adversarial[i]);
    if (!solves.done(i)) continue;
    accuracies.push_back(solves.accuracy[i]);
    binaries.push_back(static_cast<double>(solves.binaries[i]));
    if (solves.adversarial[i]) seconds.push_back(solves.first[i]);
    if (!row.dense) compare(row, solves, i, partners);
  }
  row.median_accuracy = median(std::move(accuracies));
  row.median_seconds = median(std::move(seconds));
  row.median_binaries = median(std::move(binaries));
  return row;
}

std::size_t place(const Summary& summary, const std::string& name) {
  return static_cast<std::size_t>(std::find(summary.columns.begin(), summary.columns.end(), name) - summary.columns.begin());
}

/// Criterion and structure are one column of the text; a dense network has neither rate nor finetuning.
std::vector<std::string> group_cells(const Summary& summary, const SummaryRow& row) {
  const std::size_t structure = place(summary, "prune_structure");
  std::vector<std::string> cells;
  for (std::size_t c = 0; c < summary.columns.size(); ++c) {
    const std::string& name = summary.columns[c];
    if (name == "prune_criterion")
      cells.push_back(row.dense ? "dense" : row.group[c] + (structure < row.group.size() ? " " + row.group[structure] : ""));
    else if (name != "prune_structure" || place(summary, "prune_criterion") == summary.columns.size())
      cells.push_back(row.dense && name.starts_with("prune_") ? "-" : row.group[c]);
  }
  return cells;
}

std::vector<TextColumn> group_titles(const Summary& summary) {
  std::vector<TextColumn> columns;
  for (const std::string& name : summary.columns)
    if (name != "prune_structure" || place(summary, "prune_criterion") == summary.columns.size())
      columns.push_back({title_of(name), name != "prune_rate" && name != "dataset_side" && name != "problem_epsilon"});
  return columns;
}

std::string notes(const Summary& summary) {
  std::string text;
  for (const SummaryRow& row : summary.rows)
    if (row.unpaired > 0) {
      std::int64_t unpaired = 0;
      for (const SummaryRow& other : summary.rows) unpaired += other.unpaired;
      text +=
          wrapped(fmt::format("{} solves of pruned networks are not compared: there is no one dense solve of the same problem to compare "
                              "them with; for the first of them, {}.",
                              unpaired, row.unpaired_reason));
      break;
    }
  std::int64_t failed = 0;
  for (const SummaryRow& row : summary.rows) failed += row.outcomes.failed;
  if (failed > 0) text += fmt::format("{} solves failed: see message in /solves, or espalier status DIR --failed.\n", failed);
  return text;
}

}  // namespace

Summary summarise(const Results& results) {
  const Solves solves(results.solves);
  std::vector<std::size_t> rows, dense;
  for (std::size_t i = 0; i < solves.status.size(); ++i) {
    if (solves.status[i] == "waiting") continue;
    rows.push_back(i);
    if (solves.done(i) && solves.is_dense(i)) dense.push_back(i);
  }
  Groups groups = group_rows(results.solves, rows, results.parameters, named_first());
  const Partners partners(results.solves, dense, partner_columns(results));
  Summary summary{.columns = groups.columns, .rows = {}, .common = groups.common, .pooled = groups.pooled};
  if (dense.size() == rows.size())  // how nothing was pruned says nothing
    std::erase_if(summary.common, [](const auto& item) { return item.first.starts_with("prune_") && item.first != "prune_criterion"; });
  for (const Group& group : groups.groups) summary.rows.push_back(summarise_group(solves, group, partners));
  return summary;
}

std::string format_text(const Summary& summary) {
  TextTable table{.columns = group_titles(summary), .rows = {}};
  table.leading = table.columns.size();
  const std::vector<OutcomeColumn> counts = shown_outcomes(summary.rows);
  for (const OutcomeColumn& column : counts) table.columns.push_back({column.title});
  const bool compared = std::any_of(summary.rows.begin(), summary.rows.end(), [](const SummaryRow& row) { return !row.dense; });
  for (const char* title : {"binaries", "acc. %", "first s"}) table.columns.push_back({title});
  if (compared) table.columns.insert(table.columns.end(), {{"faster"}, {"+ f.t."}});
  for (const SummaryRow& row : summary.rows) {
    std::vector<std::string> cells = group_cells(summary, row);
    for (const OutcomeColumn& column : counts) cells.push_back(fmt::format("{}", row.outcomes.*column.count));
    cells.insert(cells.end(), {number(row.median_binaries, 0), number(100 * row.median_accuracy, 2), number(row.median_seconds, 3)});
    if (compared && row.dense) cells.insert(cells.end(), {"", ""});
    if (compared && !row.dense)
      cells.insert(cells.end(), {percentage(row.faster, row.pairs), percentage(row.faster_with_finetuning, row.pairs)});
    table.rows.push_back(std::move(cells));
  }
  std::string text = describe_common(summary.common) + format_text(table) + "\n";
  text += wrapped(
      outcome_legend(counts) +
      "; binaries, acc.: medians of the embedded network's binary variables and test accuracy; first: median wall time to the first "
      "adversarial input, s; faster: share "
      "of problems on which that time is strictly below the dense network's; + f.t.: the same with the CPU time of the pruned network's "
      "finetuning added. rewinding: after every pruning step the network is trained again from the dense network's weights; cumulative: "
      "on from its own. first_round (in plan and status): the first training of rewinding, which all rates share.");
  if (!summary.pooled.empty()) text += wrapped("Each row pools: " + summary.pooled + ".");
  return text + notes(summary);
}

std::string format_csv(const Summary& summary) {
  std::vector<std::string> header;
  for (const auto& [name, value] : summary.common) header.push_back(name);
  header.insert(header.end(), summary.columns.begin(), summary.columns.end());
  for (const OutcomeColumn& column : outcome_columns) header.emplace_back(column.csv_name);
  header.insert(header.end(), {"median_binaries", "median_accuracy", "median_first_adversarial_seconds", "pairs", "unpaired", "faster",
                               "faster_with_finetuning_cpu"});
  std::string text = csv_line(header);
  for (const SummaryRow& row : summary.rows) {
    std::vector<std::string> fields;
    for (const auto& [name, value] : summary.common) fields.push_back(value);
    fields.insert(fields.end(), row.group.begin(), row.group.end());
    for (const OutcomeColumn& column : outcome_columns) fields.push_back(fmt::format("{}", row.outcomes.*column.count));
    for (const double value : {row.median_binaries, row.median_accuracy, row.median_seconds}) fields.push_back(fmt::format("{}", value));
    for (const std::int64_t value : {row.pairs, row.unpaired, row.faster, row.faster_with_finetuning})
      fields.push_back(fmt::format("{}", value));
    text += csv_line(fields);
  }
  return text;
}

}  // namespace espalier::studies::surrogate
