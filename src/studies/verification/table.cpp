#include "studies/verification/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "espalier/report/figures.hpp"
#include "espalier/report/groups.hpp"
#include "espalier/report/text_table.hpp"

namespace espalier::studies::verification {

using namespace report;

namespace {

/// The columns of /solves that are looked at here.
struct Solves {
  explicit Solves(const results::Table& table) {
    table.read({{"status", &status},
                {"solve_status", &solve_status},
                {"adversarial", &adversarial},
                {"nodes", &nodes},
                {"solve_seconds", &seconds}});
  }
  std::vector<std::string> status;
  std::vector<std::string> solve_status;
  std::vector<bool> adversarial;
  std::vector<std::int64_t> nodes;
  std::vector<double> seconds;
};

TableRow summarise_group(const Solves& solves, const Group& group) {
  TableRow row{.group = group.values, .outcomes = {}};
  std::vector<double> nodes, seconds;
  for (const std::size_t i : group.members) {
    count(row.outcomes, solves.status[i], solves.solve_status[i], solves.adversarial[i]);
    if (solves.status[i] != "done") continue;
    nodes.push_back(static_cast<double>(solves.nodes[i]));
    seconds.push_back(solves.seconds[i]);
  }
  row.total_seconds = std::accumulate(seconds.begin(), seconds.end(), 0.0);
  if (!seconds.empty()) row.most_seconds = *std::max_element(seconds.begin(), seconds.end());
  row.median_nodes = median(std::move(nodes));
  row.median_seconds = median(std::move(seconds));
  return row;
}

}  // namespace

Table summarise(const Results& results) {
  static const std::vector<std::string> named_first{"problem_file", "solve_solver", "solve_goal"};
  std::vector<std::size_t> rows(results.solves.rows());
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  Groups groups = group_rows(results.solves, rows, results.parameters, named_first);
  Table table{.columns = std::move(groups.columns), .rows = {}, .common = std::move(groups.common), .pooled = std::move(groups.pooled)};
  const Solves solves(results.solves);
  for (const Group& group : groups.groups) table.rows.push_back(summarise_group(solves, group));
  return table;
}

std::string format_text(const Table& own) {
  TextTable table;
  for (const std::string& name : own.columns) table.columns.push_back({title_of(name), true});
  table.leading = table.columns.size();
  const std::vector<OutcomeColumn> counts = shown_outcomes(own.rows);
  for (const OutcomeColumn& column : counts) table.columns.push_back({column.title});
  for (const char* title : {"nodes", "median s", "most s", "total s"}) table.columns.push_back({title});
  for (const TableRow& row : own.rows) {
    std::vector<std::string> cells = row.group;
    for (const OutcomeColumn& column : counts) cells.push_back(fmt::format("{}", row.outcomes.*column.count));
    cells.insert(cells.end(),
                 {number(row.median_nodes, 0), number(row.median_seconds, 3), number(row.most_seconds, 2), number(row.total_seconds, 1)});
    table.rows.push_back(std::move(cells));
  }
  return describe_common(own.common) + format_text(table) + "\n" +
         wrapped(outcome_legend(counts) + "; nodes: median; median s, most s, total s: wall time of the solves, bounds included.") +
         (own.pooled.empty() ? "" : wrapped("Each row pools: " + own.pooled + "."));
}

std::string format_csv(const Table& table) {
  std::vector<std::string> header;
  for (const auto& [name, value] : table.common) header.push_back(name);
  header.insert(header.end(), table.columns.begin(), table.columns.end());
  for (const OutcomeColumn& column : outcome_columns) header.emplace_back(column.csv_name);
  header.insert(header.end(), {"median_nodes", "median_seconds", "most_seconds", "total_seconds"});
  std::string text = csv_line(header);
  for (const TableRow& row : table.rows) {
    std::vector<std::string> fields;
    for (const auto& [name, value] : table.common) fields.push_back(value);
    fields.insert(fields.end(), row.group.begin(), row.group.end());
    for (const OutcomeColumn& column : outcome_columns) fields.push_back(fmt::format("{}", row.outcomes.*column.count));
    for (const double value : {row.median_nodes, row.median_seconds, row.most_seconds, row.total_seconds})
      fields.push_back(fmt::format("{}", value));
    text += csv_line(fields);
  }
  return text;
}

}  // namespace espalier::studies::verification
