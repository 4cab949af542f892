#include "espalier/report/own_problems.hpp"

#include <fmt/ranges.h>

#include <map>
#include <set>
#include <tuple>

#include "espalier/h5/file.hpp"
#include "espalier/h5/table.hpp"
#include "report/figures.hpp"

namespace espalier::report {

namespace {

constexpr double shift = 0.01;  // s

/// The columns of /solves that are looked at here.
class Solves {
 public:
  explicit Solves(const h5::Table& t)
      : status(t.texts("status")),
        dataset(t.texts("dataset_name")),
        side(t.integers("dataset_side")),
        hidden(t.texts("network_hidden")),
        regulariser(t.texts("train_regulariser")),
        strength(t.reals("train_regulariser_strength")),
        alpha(t.reals("train_spr_alpha")),
        selected(t.find("select_strengths") ? t.texts("select_strengths") : std::vector<std::string>()),
        seed(t.integers("train_seed")),
        criterion(t.texts("prune_criterion")),
        proof(t.find("prune_proof") ? t.texts("prune_proof") : std::vector<std::string>(status.size(), "none")),
        compress(t.find("solve_compress") ? t.booleans("solve_compress") : std::vector<bool>(status.size(), false)),
        subject(t.texts("problem_network")),
        sample(t.integers("problem_sample_index")),
        epsilon(t.reals("problem_epsilon")),
        solver(t.texts("solve_solver")),
        formulation(t.texts("solve_formulation")),
        bounds(t.texts("solve_bounds")),
        goal(t.texts("solve_goal")),
        repetition(t.integers("repetition")),
        solve_status(t.texts("solve_status")),
        embedded(t.texts("embedded_network")),
        accuracy(t.reals("embedded_test_accuracy")),
        binaries(t.integers("model_binaries")),
        nodes(t.integers("nodes")),
        seconds(t.reals("total_seconds")),
        adversarial(t.booleans("adversarial")),
        transfer_networks(t.integers("transfer_networks")),
        transfer_adversarial(t.integers("transfer_adversarial")),
        transfer_class_changed(t.integers("transfer_class_changed")) {}

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
    if (compress[i]) words.emplace_back("(ball)");
    return fmt::format("{}", fmt::join(words, " "));
  }
  bool smaller(std::size_t i) const { return pruned(i) || compress[i]; }
  auto group(std::size_t i) const {
    return std::make_tuple(dataset[i], side[i], width_order(i), hidden[i], epsilon[i], solver[i], bounds[i], pruned(i), network(i));
  }
  /// What a pruned network's solve and that of the network as trained have in common.
  auto problem(std::size_t i) const {
    return std::make_tuple(dataset[i], side[i], hidden[i], seed[i], sample[i], epsilon[i], solver[i], formulation[i], bounds[i], goal[i],
                           repetition[i]);
  }

  const std::vector<std::string>& status;
  const std::vector<std::string>& dataset;
  const std::vector<std::int64_t>& side;
  const std::vector<std::string>& hidden;
  const std::vector<std::string>& regulariser;
  const std::vector<double>& strength;
  const std::vector<double>& alpha;
  const std::vector<std::string> selected;  ///< strengths that each network was selected from; empty for files without the column
  const std::vector<std::int64_t>& seed;
  const std::vector<std::string>& criterion;
  const std::vector<std::string> proof;  ///< this and the next one: as if nothing was asked for, for files without the column
  const std::vector<bool> compress;
  const std::vector<std::string>& subject;
  const std::vector<std::int64_t>& sample;
  const std::vector<double>& epsilon;
  const std::vector<std::string>& solver;
  const std::vector<std::string>& formulation;
  const std::vector<std::string>& bounds;
  const std::vector<std::string>& goal;
  const std::vector<std::int64_t>& repetition;
  const std::vector<std::string>& solve_status;
  const std::vector<std::string>& embedded;
  const std::vector<double>& accuracy;
  const std::vector<std::int64_t>& binaries;
  const std::vector<std::int64_t>& nodes;
  const std::vector<double>& seconds;
  const std::vector<bool>& adversarial;
  const std::vector<std::int64_t>& transfer_networks;
  const std::vector<std::int64_t>& transfer_adversarial;
  const std::vector<std::int64_t>& transfer_class_changed;

 private:
  std::string strengths(std::size_t i) const {
    if (!selected.empty() && !selected[i].empty()) return "selected";
    return regulariser[i] == "spr" ? fmt::format("{:g}/{:g}", strength[i], alpha[i]) : fmt::format("{:g}", strength[i]);
  }
  /// So that 15-15 comes before 100-100.
  std::size_t width_order(std::size_t i) const { return hidden[i].size(); }
};

using Baselines = std::map<decltype(std::declval<Solves>().problem(0)), std::size_t>;

/// "784-39-43-10" as Cacciola et al. write it: "1x39-1x43"; "784-50-50-10": "2x50".
std::string paper_form(const std::string& architecture) {
  std::vector<std::pair<int, std::string>> runs;
  const auto first = architecture.find('-'), last = architecture.rfind('-');
  for (std::size_t at = first; at < last;) {
    const std::size_t end = architecture.find('-', at + 1);
    const std::string width = architecture.substr(at + 1, end - at - 1);
    if (runs.empty() || runs.back().second != width) runs.emplace_back(0, width);
    ++runs.back().first;
    at = end;
  }
  std::vector<std::string> words;
  for (const auto& [layers, width] : runs) words.push_back(fmt::format("{}x{}", layers, width));
  return words.empty() ? "no hidden layer" : fmt::format("{}", fmt::join(words, "-"));
}

std::map<std::string, std::string> hidden_widths(const h5::Table& networks) {
  std::map<std::string, std::string> widths;
  const auto& keys = networks.texts("key");
  const auto& architectures = networks.texts("architecture");
  for (std::size_t i = 0; i < keys.size(); ++i) widths[keys[i]] = paper_form(architectures[i]);
  return widths;
}

/// Geometric mean of the ratios to the networks as trained.
void compare(OwnProblemsRow& row, const Solves& solves, const std::vector<std::size_t>& members, const Baselines& baselines) {
  double logarithms = 0;
  for (const std::size_t i : members) {
    const auto baseline = baselines.find(solves.problem(i));
    if (baseline == baselines.end() || !solves.decided(i) || !solves.decided(baseline->second)) continue;
    ++row.pairs;
    logarithms += std::log((solves.seconds[baseline->second] + shift) / (solves.seconds[i] + shift));
  }
  if (row.pairs > 0) row.speed_up = std::exp(logarithms / static_cast<double>(row.pairs));
}

OwnProblemsRow summarise_group(const Solves& solves, const std::vector<std::size_t>& members, const Baselines& baselines,
                               const std::map<std::string, std::string>& widths) {
  const std::size_t any = members.front();
  OwnProblemsRow row{.dataset = solves.dataset[any],
                     .side = solves.side[any],
                     .hidden = solves.hidden[any],
                     .network = solves.network(any),
                     .epsilon = solves.epsilon[any],
                     .solver = solves.solver[any],
                     .bounds = solves.bounds[any],
                     .architectures = {},
                     .solves = static_cast<std::int64_t>(members.size())};
  std::map<std::int64_t, std::string> architectures;
  std::vector<double> accuracy, binaries, nodes, seconds;
  std::vector<std::size_t> done;
  for (const std::size_t i : members) {
    if (!solves.done(i)) continue;
    done.push_back(i);
    row.decided += solves.decided(i);
    row.claimed += is_claimed(solves.solve_status[i]);
    row.adversarial += solves.adversarial[i];
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
  if (solves.smaller(any)) compare(row, solves, done, baselines);
  return row;
}

std::string share(std::int64_t part, std::int64_t whole) { return whole == 0 ? "-" : fmt::format("{}/{}", part, whole); }

}  // namespace

std::vector<OwnProblemsRow> summarise_own_problems(const h5::Table& table, const h5::Table& networks) {
  // Files of the surrogate experiments alone, and older ones, have nothing to say here.
  if (!table.find("problem_network")) return {};
  const Solves solves(table);
  std::set<std::int64_t> samples;
  for (std::size_t i = 0; i < solves.size(); ++i)
    if (solves.subject[i] == "embedded") samples.insert(solves.sample[i]);
  Baselines baselines;
  std::map<decltype(solves.group(0)), std::vector<std::size_t>> groups;
  for (std::size_t i = 0; i < solves.size(); ++i) {
    if (solves.status[i] == "waiting" || !samples.contains(solves.sample[i])) continue;
    if (solves.pruned(i) && solves.subject[i] != "embedded") continue;
    groups[solves.group(i)].push_back(i);
    if (solves.done(i) && solves.network(i) == "as trained") baselines[solves.problem(i)] = i;
  }
  const auto widths = hidden_widths(networks);
  std::vector<OwnProblemsRow> rows;
  for (const auto& [name, members] : groups) rows.push_back(summarise_group(solves, members, baselines, widths));
  return rows;
}

std::vector<OwnProblemsRow> summarise_own_problems(const std::filesystem::path& directory_or_file) {
  const h5::File file = h5::File::open_read_only(results_file(directory_or_file));
  return summarise_own_problems(h5::read_table(file.root(), "solves"), h5::read_table(file.root(), "networks"));
}

std::string format_text(const std::vector<OwnProblemsRow>& rows) {
  if (rows.empty()) return "";
  constexpr auto line = "{:<14} {:>4} {:<11} {:<34} {:>6} {:<12} {:>7} {:>7} {:>5} {:>8} {:>8} {:>8} {:>9} {:>8} {:>8}  {}\n";
  std::string text = fmt::format(line, "data set", "side", "hidden", "network", "radius", "bounds", "decided", "claimed", "found",
                                 "accuracy", "binaries", "nodes", "time [s]", "speed-up", "transfer", "widths");
  for (const OwnProblemsRow& r : rows)
    text += fmt::format(line, r.dataset, r.side, r.hidden, r.network, fmt::format("{:g}", r.epsilon), r.bounds, share(r.decided, r.solves),
                        r.claimed, r.adversarial, number(100 * r.median_accuracy, 2) + "%", number(r.median_binaries, 0),
                        number(r.median_nodes, 0), number(r.median_seconds, 3), number(r.speed_up, 1),
                        share(r.transfer_adversarial, r.transfer_networks), fmt::join(r.architectures, ", "));
  text +=
      "Each network's own adversarial input. claimed: a solver's word only, which bounds of our own did not confirm, not decided; found:\n"
      "verified by a forward pass; accuracy, binaries, nodes, time (bounds, model and "
      "solver):\n"
      "medians; speed-up: geometric mean, over problems decided with both, of the time as trained over the time pruned (0.01 s added to\n"
      "each); transfer: how often the found inputs are adversarial for other networks, of how many tried. widths: layers x neurons;\n"
      "exact: without neurons that bounds prove to be off or linear over all images; (ball): over the problem's ball, within the solve.\n";
  return text;
}

std::string format_csv(const std::vector<OwnProblemsRow>& rows) {
  std::string text =
      "dataset,side,hidden,network,epsilon,solver,bounds,architectures,solves,decided,claimed,adversarial,median_accuracy,median_binaries,"
      "median_nodes,median_seconds,pairs,speed_up,transfer_networks,transfer_adversarial,transfer_class_changed\n";
  for (const OwnProblemsRow& r : rows)
    text += fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\n", r.dataset, r.side, r.hidden, r.network,
                        r.epsilon, r.solver, r.bounds, fmt::join(r.architectures, " "), r.solves, r.decided, r.claimed, r.adversarial,
                        r.median_accuracy, r.median_binaries, r.median_nodes, r.median_seconds, r.pairs, r.speed_up, r.transfer_networks,
                        r.transfer_adversarial, r.transfer_class_changed);
  return text;
}

}  // namespace espalier::report
