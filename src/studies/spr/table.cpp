#include "studies/spr/table.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "espalier/report/figures.hpp"
#include "espalier/report/groups.hpp"
#include "espalier/report/text_table.hpp"

namespace espalier::studies::spr {

using namespace report;

namespace {

constexpr double shift = 0.01;  // s

const std::vector<std::string>& named_first() {
  static const std::vector<std::string> names{"dataset_name",    "dataset_side", "network_hidden", "network_file",
                                              "problem_epsilon", "solve_solver", "solve_bounds",   "network"};
  return names;
}

/// The columns of /solves that are looked at here.
class Solves {
 public:
  explicit Solves(const results::Table& table) {
    table.read({{"status", &status},
                {"train_regulariser", &regulariser},
                {"train_regulariser_strength", &strength},
                {"train_spr_alpha", &alpha},
                {"network_hidden", &hidden},
                {"train_seed", &seed},
                {"prune_criterion", &criterion},
                {"solve_status", &solve_status},
                {"embedded_network", &embedded},
                {"embedded_test_accuracy", &accuracy},
                {"model_binaries", &binaries},
                {"nodes", &nodes},
                {"solve_seconds", &seconds},
                {"adversarial", &adversarial},
                {"transfer_networks", &transfer_networks},
                {"transfer_adversarial", &transfer_adversarial},
                {"transfer_class_changed", &transfer_class_changed}},
               {{"select_strengths", &selected}, {"prune_proof", &proof}, {"solve_compress", &compress}});
    selected.resize(size());
    proof.resize(size(), "none");
    compress.resize(size(), false);
  }

  std::size_t size() const { return status.size(); }
  bool done(std::size_t i) const { return status[i] == "done"; }
  bool pruned(std::size_t i) const { return criterion[i] != "none"; }
  bool decided(std::size_t i) const {
    return solve_status[i] == "adversarial" || solve_status[i] == "robust" || solve_status[i] == "optimal";
  }
  std::string network(std::size_t i) const {
    std::vector<std::string> words;
    if (regulariser[i] != "none") words = {regulariser[i], strengths(i)};
    if (pruned(i)) words.push_back(criterion[i]);
    if (proof[i] != "none" && criterion[i] != "exact") words.emplace_back("exact");
    if (words.empty()) words.emplace_back("as trained");
    if (compress[i]) words.emplace_back("(region)");
    return fmt::format("{}", fmt::join(words, " "));
  }
  bool smaller(std::size_t i) const { return pruned(i) || compress[i]; }

  std::vector<std::string> status;
  std::vector<std::string> regulariser;
  std::vector<double> strength;
  std::vector<double> alpha;
  std::vector<std::string> selected;  ///< strengths that each network was selected from
  std::vector<std::string> hidden;
  std::vector<std::int64_t> seed;
  std::vector<std::string> criterion;
  std::vector<std::string> proof;
  std::vector<bool> compress;
  std::vector<std::string> solve_status;
  std::vector<std::string> embedded;
  std::vector<double> accuracy;
  std::vector<std::int64_t> binaries;
  std::vector<std::int64_t> nodes;
  std::vector<double> seconds;
  std::vector<bool> adversarial;
  std::vector<std::int64_t> transfer_networks;
  std::vector<std::int64_t> transfer_adversarial;
  std::vector<std::int64_t> transfer_class_changed;

 private:
  std::string strengths(std::size_t i) const {
    if (!selected[i].empty()) return "selected";
    return regulariser[i] == "spr" ? fmt::format("{:g}/{:g}", strength[i], alpha[i]) : fmt::format("{:g}", strength[i]);
  }
};

/// In what a pruned network's solve and that of the network as trained agree. The unpruned arm has neither a source of its label nor a
/// protocol: these are at their defaults there.
std::vector<std::string> partner_columns(const std::vector<std::string>& parameters) {
  constexpr std::string_view sections[] = {"prune_", "select_", "train_regulariser", "train_spr_"};
  constexpr std::string_view names[] = {"solve_compress", "problem_network", "problem_label_source", "solve_protocol"};
  std::vector<std::string> columns;
  for (const std::string& name : parameters)
    if (std::none_of(std::begin(sections), std::end(sections), [&](std::string_view section) { return name.starts_with(section); }) &&
        std::find(std::begin(names), std::end(names), name) == std::end(names))
      columns.push_back(name);
  return columns;
}

/// "784-39-43-10" as Cacciola et al. write it: "1x39-1x43"; "784-50-50-10": "2x50".
std::string paper_form(const std::string& architecture) {
  std::vector<std::pair<int, std::string>> runs;
  const auto first = architecture.find('-'), last = architecture.rfind('-');
  for (std::size_t at = first; at < last;) {
    const std::size_t end = architecture.find('-', at + 1);
    const std::string width = architecture.substr(at + 1, end - at - 1);
    if (width == "0") return "dead network";
    if (runs.empty() || runs.back().second != width) runs.emplace_back(0, width);
    ++runs.back().first;
    at = end;
  }
  std::vector<std::string> words;
  for (const auto& [layers, width] : runs) words.push_back(fmt::format("{}x{}", layers, width));
  return words.empty() ? "dead network" : fmt::format("{}", fmt::join(words, "-"));
}

std::map<std::string, std::string> hidden_widths(const results::Table& networks) {
  std::map<std::string, std::string> widths;
  const auto& keys = networks.texts("key");
  const auto& architectures = networks.texts("architecture");
  for (std::size_t i = 0; i < keys.size(); ++i) widths[keys[i]] = paper_form(architectures[i]);
  return widths;
}

/// Geometric mean of the ratios to the networks as trained.
void compare(TableRow& row, const Solves& solves, const std::vector<std::size_t>& members, const Partners& partners) {
  double logarithms = 0;
  for (const std::size_t i : members) {
    const auto baseline = partners.find(i);
    if (!baseline) {
      if (row.unpaired++ == 0) row.unpaired_reason = partners.why_none(i);
      continue;
    }
    if (!solves.decided(i) || !solves.decided(*baseline)) continue;
    ++row.pairs;
    logarithms += std::log((solves.seconds[*baseline] + shift) / (solves.seconds[i] + shift));
  }
  if (row.pairs > 0) row.speed_up = std::exp(logarithms / static_cast<double>(row.pairs));
}

TableRow summarise_group(const Solves& solves, const Group& group, const Partners& partners,
                         const std::map<std::string, std::string>& widths) {
  const std::size_t any = group.members.front();
  TableRow row{.group = group.values, .hidden = solves.hidden[any], .network = solves.network(any)};
  std::map<std::int64_t, std::string> architectures;
  std::vector<double> accuracy, binaries, nodes, seconds;
  std::vector<std::size_t> done;
  for (const std::size_t i : group.members) {
    count(row.outcomes, solves.status[i], solves.solve_status[i], solves.adversarial[i]);
    if (!solves.done(i)) continue;
    done.push_back(i);
    row.transfer_networks += solves.transfer_networks[i];
    row.transfer_adversarial += solves.transfer_adversarial[i];
    row.transfer_class_changed += solves.transfer_class_changed[i];
    accuracy.push_back(solves.accuracy[i]);
    binaries.push_back(static_cast<double>(solves.binaries[i]));
    nodes.push_back(static_cast<double>(solves.nodes[i]));
    seconds.push_back(solves.seconds[i]);
    if (const auto width = widths.find(solves.embedded[i]); width != widths.end()) architectures[solves.seed[i]] = width->second;
  }
  for (const auto& [seed, width] : architectures) row.architectures.push_back(width);
  row.median_accuracy = median(std::move(accuracy));
  row.median_binaries = median(std::move(binaries));
  row.median_nodes = median(std::move(nodes));
  row.median_seconds = median(std::move(seconds));
  if (solves.smaller(any)) compare(row, solves, done, partners);
  return row;
}

std::string share(std::int64_t part, std::int64_t whole) { return whole == 0 ? "-" : fmt::format("{}/{}", part, whole); }

/// One line for each kind of network: the same ones are embedded for all radii, bounds and solvers.
std::string describe_widths(const Table& table) {
  std::string text = "Hidden layers of the embedded networks, in order of their seeds (dead network: no neuron is left):\n";
  std::set<std::string> seen;
  for (const TableRow& row : table.rows) {
    const std::string line = fmt::format("{} {}: {}", row.hidden, row.network, fmt::join(row.architectures, ", "));
    if (!row.architectures.empty() && seen.insert(line).second) text += "  " + wrapped(line, "      ");
  }
  return seen.empty() ? "" : text;
}

std::string notes(const Table& table) {
  std::string text = table.pooled.empty() ? "" : wrapped("Each row pools: " + table.pooled + ".");
  std::int64_t unpaired = 0;
  for (const TableRow& row : table.rows) unpaired += row.unpaired;
  const auto first = std::find_if(table.rows.begin(), table.rows.end(), [](const TableRow& row) { return row.unpaired > 0; });
  if (unpaired > 0)
    text +=
        wrapped(fmt::format("{} solves are not compared: there is no one solve of a network as trained to compare them with; for the "
                            "first of them, {}.",
                            unpaired, first->unpaired_reason));
  return text;
}

}  // namespace

Table summarise(const Results& results) {
  const Solves solves(results.solves);
  std::vector<std::size_t> rows, as_trained;
  std::vector<std::string> networks;
  for (std::size_t i = 0; i < solves.size(); ++i) {
    networks.push_back(solves.network(i));
    if (solves.status[i] == "waiting") continue;
    rows.push_back(i);
    if (solves.done(i) && networks[i] == "as trained") as_trained.push_back(i);
  }
  const h5::Column network{.name = "network", .values = std::move(networks)};
  const Groups groups = group_rows(results.solves, rows, results.parameters, named_first(), &network);
  const Partners partners(results.solves, as_trained, partner_columns(results.parameters));
  const auto widths = hidden_widths(results.networks);
  Table table{.columns = groups.columns, .rows = {}, .common = groups.common, .pooled = groups.pooled};
  for (const Group& group : groups.groups) table.rows.push_back(summarise_group(solves, group, partners, widths));
  return table;
}

std::string format_text(const Table& own) {
  if (own.rows.empty()) return "";
  TextTable table;
  for (const std::string& name : own.columns)
    table.columns.push_back({title_of(name), name != "dataset_side" && name != "problem_epsilon"});
  table.leading = table.columns.size();
  const std::vector<OutcomeColumn> counts = shown_outcomes(own.rows);
  for (const OutcomeColumn& column : counts) table.columns.push_back({column.title});
  for (const char* title : {"acc. %", "binaries", "nodes", "time s", "speed-up", "transfer"}) table.columns.push_back({title});
  for (const TableRow& row : own.rows) {
    std::vector<std::string> cells = row.group;
    for (const OutcomeColumn& column : counts) cells.push_back(fmt::format("{}", row.outcomes.*column.count));
    cells.insert(cells.end(),
                 {number(100 * row.median_accuracy, 2), number(row.median_binaries, 0), number(row.median_nodes, 0),
                  number(row.median_seconds, 3), number(row.speed_up, 1), share(row.transfer_adversarial, row.transfer_networks)});
    table.rows.push_back(std::move(cells));
  }
  return describe_common(own.common) + format_text(table) + "\n" +
         wrapped("Each network's own adversarial input. " + outcome_legend(counts) +
                 "; acc., binaries, nodes, time (bounds, model and solver): medians; speed-up: geometric mean, over problems decided with "
                 "both, of the time as trained over the time pruned (0.01 s added to each); transfer: how often the found inputs are "
                 "adversarial for other networks, of how many tried; exact: without neurons that bounds prove to be off or linear over all "
                 "images; (region): over the problem's region, within the solve.") +
         notes(own) + describe_widths(own);
}

std::string format_csv(const Table& table) {
  std::vector<std::string> header;
  for (const auto& [name, value] : table.common) header.push_back(name);
  header.insert(header.end(), table.columns.begin(), table.columns.end());
  header.emplace_back("architectures");
  for (const OutcomeColumn& column : outcome_columns) header.emplace_back(column.csv_name);
  header.insert(header.end(), {"median_accuracy", "median_binaries", "median_nodes", "median_seconds", "pairs", "unpaired", "speed_up",
                               "transfer_networks", "transfer_adversarial", "transfer_class_changed"});
  std::string text = csv_line(header);
  for (const TableRow& row : table.rows) {
    std::vector<std::string> fields;
    for (const auto& [name, value] : table.common) fields.push_back(value);
    fields.insert(fields.end(), row.group.begin(), row.group.end());
    fields.push_back(fmt::format("{}", fmt::join(row.architectures, " ")));
    for (const OutcomeColumn& column : outcome_columns) fields.push_back(fmt::format("{}", row.outcomes.*column.count));
    for (const double value : {row.median_accuracy, row.median_binaries, row.median_nodes, row.median_seconds})
      fields.push_back(fmt::format("{}", value));
    fields.push_back(fmt::format("{}", row.pairs));
    fields.push_back(fmt::format("{}", row.unpaired));
    fields.push_back(fmt::format("{}", row.speed_up));
    for (const std::int64_t value : {row.transfer_networks, row.transfer_adversarial, row.transfer_class_changed})
      fields.push_back(fmt::format("{}", value));
    text += csv_line(fields);
  }
  return text;
}

}  // namespace espalier::studies::spr
