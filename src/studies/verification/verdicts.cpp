#include "studies/verification/verdicts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "espalier/report/figures.hpp"
#include "espalier/report/text_table.hpp"

namespace espalier::studies::verification {

using namespace report;

namespace {

struct CountColumn {
  const char* title;
  std::int64_t VerdictRow::*count;
};
constexpr CountColumn counts[]{{"instances", &VerdictRow::instances}, {"sat", &VerdictRow::sat},         {"unsat", &VerdictRow::unsat},
                               {"timeout", &VerdictRow::timeout},     {"unknown", &VerdictRow::unknown}, {"failed", &VerdictRow::failed}};

struct Group {
  VerdictRow row;
  std::vector<double> seconds;

  void add(const std::string& status, const std::string& verdict, double wall_seconds) {
    ++row.instances;
    const std::string& what = status == "done" ? verdict : status;
    for (const CountColumn& column : counts)
      if (what == column.title) ++(row.*column.count);
    if (status == "done") seconds.push_back(wall_seconds);
  }

  VerdictRow finish(std::string network) {
    row.network = std::move(network);
    row.total_seconds = std::accumulate(seconds.begin(), seconds.end(), 0.0);
    if (!seconds.empty()) row.most_seconds = *std::max_element(seconds.begin(), seconds.end());
    row.median_seconds = median(std::move(seconds));
    return row;
  }
};

}  // namespace

std::vector<VerdictRow> summarise_verdicts(const results::Reader& file) {
  if (!file.has_table("verdicts")) return {};
  std::vector<std::string> status, network, verdict;
  std::vector<double> seconds;
  file.table("verdicts").read({{"status", &status}, {"network_file", &network}, {"verdict", &verdict}, {"verify_seconds", &seconds}});
  std::map<std::string, Group> by_network;
  Group all;
  for (std::size_t i = 0; i < status.size(); ++i) {
    by_network[network[i]].add(status[i], verdict[i], seconds[i]);
    all.add(status[i], verdict[i], seconds[i]);
  }
  std::vector<VerdictRow> rows;
  for (auto& [name, group] : by_network) rows.push_back(group.finish(name));
  if (rows.size() > 1) rows.push_back(all.finish("all"));
  return rows;
}

std::string format_text(const std::vector<VerdictRow>& rows) {
  TextTable table{.columns = {{"network", true}}, .leading = 1, .rows = {}};
  std::vector<const CountColumn*> shown;
  for (const CountColumn& column : counts) {
    if (column.count != &VerdictRow::instances && std::ranges::all_of(rows, [&](const VerdictRow& row) { return row.*column.count == 0; }))
      continue;
    shown.push_back(&column);
    table.columns.push_back({column.title});
  }
  for (const char* title : {"median s", "most s", "total s"}) table.columns.push_back({title});
  for (const VerdictRow& row : rows) {
    std::vector<std::string> cells{row.network};
    for (const CountColumn* column : shown) cells.push_back(fmt::format("{}", row.*column->count));
    cells.insert(cells.end(), {number(row.median_seconds, 3), number(row.most_seconds, 2), number(row.total_seconds, 1)});
    table.rows.push_back(std::move(cells));
  }
  return report::format_text(table) + "\n" +
         wrapped(
             "sat: an unsafe input exists, and was checked; unsat: none does; timeout: the limit came first. median s, most s, total s: "
             "wall time of the searches.");
}

std::string format_csv(const std::vector<VerdictRow>& rows) {
  std::vector<std::string> header{"network"};
  for (const CountColumn& column : counts) header.emplace_back(column.title);
  header.insert(header.end(), {"median_seconds", "most_seconds", "total_seconds"});
  std::string text = csv_line(header);
  for (const VerdictRow& row : rows) {
    std::vector<std::string> fields{row.network};
    for (const CountColumn& column : counts) fields.push_back(fmt::format("{}", row.*column.count));
    for (const double value : {row.median_seconds, row.most_seconds, row.total_seconds}) fields.push_back(fmt::format("{}", value));
    text += csv_line(fields);
  }
  return text;
}

}  // namespace espalier::studies::verification
