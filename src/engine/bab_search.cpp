// Our own branch and bound: alpha-crown bounds, the attack for a first point, then branch::run.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "engine/conclude.hpp"
#include "engine/search.hpp"
#include "espalier/base/build_info.hpp"
#include "espalier/branch/branch.hpp"
#include "espalier/branch/tighten.hpp"

namespace espalier::engine {
namespace {

using milp::Limit;
using milp::Reason;

milp::Termination termination_of(branch::End end, bool cutoff_proven) {
  switch (end) {
    case branch::End::closed:
      return cutoff_proven ? milp::Termination{Reason::limit, Limit::cutoff, "nothing is better than the cutoff"}
                           : milp::Termination{Reason::optimal, Limit::none, "every node is closed"};
    case branch::End::unresolved:
      return {Reason::limit, Limit::tolerance, "every node is closed, but one only up to what float64 can tell of its linear program"};
    case branch::End::nodes:
      return {Reason::limit, Limit::nodes, "node limit"};
    case branch::End::time:
      return {Reason::limit, Limit::time, "time limit"};
    case branch::End::memory:
      return {Reason::limit, Limit::memory, "the nodes that wait fill their limit of memory"};
    case branch::End::stopped:
      return {Reason::stopped, Limit::none, "stopped by the caller"};
  }
  return {};
}

Eigen::VectorXd to_eigen(const std::vector<double>& x) {
  return Eigen::Map<const Eigen::VectorXd>(x.data(), static_cast<Eigen::Index>(x.size()));
}

/// A network without hidden layers: the functions are linear in the input, their maxima knapsacks. The bounds are padded by more than the
/// rounding of sums of m n + m + 1 terms, m outputs with a coefficient, here and in a forward pass.
void maximise_linear_margin(const SearchContext& c, milp::Result& claimed) {
  const nn::Layer& layer = c.embedded.layers.front();
  const Eigen::VectorXd inputs = problem::magnitude(c.region.box);
  const Eigen::VectorXd sizes = layer.weight.cast<double>().cwiseAbs() * inputs + layer.bias.cast<double>().cwiseAbs();
  claimed.dual_bound = -milp::infinity;
  for (const nn::OutputFunction& function : c.objective.functions) {
    const nn::OutputRow row = output_row(function, layer);
    const problem::LinearMaximum best = problem::maximise_linear(c.region, row.weight.transpose());
    const double objective = row.weight * c.region.centre + row.bias + best.value;
    const double magnitude = function.coefficients.cwiseAbs().dot(sizes) + std::abs(function.constant);
    const double terms = static_cast<double>(2 * inputs.size() + layer.outputs() + 4);
    claimed.dual_bound = std::max(claimed.dual_bound, objective + 4 * terms * 0x1.0p-53 * magnitude);
    if (claimed.incumbent && objective <= claimed.incumbent->objective) continue;
    claimed.incumbent = {.objective = objective, .x = {best.maximiser.begin(), best.maximiser.end()}, .seconds = c.watch.wall_seconds()};
    c.see(best.maximiser, objective);
  }
  claimed.termination = {Reason::optimal, Limit::none, "the margin is linear"};
}

class BabSearch final : public Search {
 public:
  std::string version() const override { return "espalier " + base::build_info().version; }
  bool proves() const override { return true; }

  milp::Result run(const SearchContext& c) const override {
    milp::Result claimed = attack(c, attack_share);  // first: it needs no bounds
    if (c.known) prefer(c, *c.known, claimed);
    if (c.recorder.finished() || claimed.termination.reason == Reason::stopped) {
      claimed.termination = {Reason::stopped, Limit::none, "the attack was the end"};
    } else if (c.seconds_left() <= 0) {
      claimed.termination = {Reason::limit, Limit::time, "time limit"};
    } else if (c.embedded.hidden_layers() == 0) {
      maximise_linear_margin(c, claimed);
    } else {
      bounds::Bounds bounds = bound(*bounds::make_alpha_crown(), c);
      search(c, bounds, claimed);
    }
    return claimed;
  }

 private:
  static void prefer(const SearchContext& c, const Eigen::VectorXd& known, milp::Result& claimed) {
    const double margin = c.margin(known);
    if (margin > claimed.incumbent->objective) claimed.incumbent = {.objective = margin, .x = {known.begin(), known.end()}};
  }

  /// Rounds of branch and bound. A tree that a round does not close is given up for a new one over better bounds of the hidden neurons,
  /// which a share of its nodes, spent on each neuron, pays for; the last round has no limit of its own.
  static void search(const SearchContext& c, bounds::Bounds& bounds, milp::Result& claimed) {
    struct Round {
      std::int64_t nodes, nodes_per_bound;
    };
    constexpr std::int64_t unlimited = std::numeric_limits<std::int64_t>::max();
    constexpr Round rounds[]{{1000, 64}, {10000, 256}, {unlimited, 0}};
    branch::Options options = options_of(c);
    branch::Outcome found;
    std::int64_t programs = 0;
    claimed.dual_bound = milp::infinity;
    for (const Round& round : rounds) {
      const std::int64_t left = c.settings.node_limit < 0 ? unlimited : c.settings.node_limit - claimed.nodes;
      options.node_limit = std::max<std::int64_t>(0, std::min(round.nodes, left));
      options.time_limit_seconds = c.seconds_left();
      options.start = branch::Point{.input = to_eigen(claimed.incumbent->x), .margin = claimed.incumbent->objective};
      found = branch::run({.network = c.embedded, .region = c.region, .objective = c.objective, .bounds = bounds}, options);
      claimed.nodes += found.nodes;
      claimed.iterations += found.passes;
      programs += found.linear_programs;
      claimed.dual_bound = std::min(claimed.dual_bound, found.bound);
      claimed.incumbent = {
          .objective = found.best->margin, .x = {found.best->input.begin(), found.best->input.end()}, .seconds = c.watch.wall_seconds()};
      if (found.end != branch::End::nodes || left <= round.nodes) break;
      claimed.nodes += improve(c, round.nodes_per_bound, left - found.nodes, bounds);
      if (c.settings.node_limit >= 0 && claimed.nodes >= c.settings.node_limit) break;
      if (c.seconds_left() <= 0) found.end = branch::End::time;
      if (c.settings.stop_requested && c.settings.stop_requested()) found.end = branch::End::stopped;
      if (found.end != branch::End::nodes) break;
    }
    claimed.termination = termination_of(found.end, options.cutoff && found.best->margin <= *options.cutoff);
    claimed.termination.detail += fmt::format("; {} linear programs", programs);
  }

  static branch::Options options_of(const SearchContext& c) {
    branch::Options options;
    if (c.settings.goal == Goal::decide && c.result.dense) options.cutoff = c.cutoff();
    options.relative_gap = std::max(options.relative_gap, c.settings.relative_gap);
    options.absolute_gap = c.absolute_gap();
    if (c.settings.memory_limit_mib > 0) options.memory_limit_mib = 0.5 * c.settings.memory_limit_mib;
    options.on_improvement = [&c](const Eigen::VectorXd& input, double margin) {
      return c.see(input, margin) == milp::CallbackAction::stop;
    };
    options.on_bound = [&c](double embedded_bound) {
      const double bound = c.bound(embedded_bound);
      std::vector<BoundRecord>& trace = c.result.bound_trace;  // a new tree starts above where the last one ended
      if (trace.empty() || bound < trace.back().bound) trace.push_back({.seconds = c.watch.wall_seconds(), .bound = bound});
    };
    options.stop_requested = c.settings.stop_requested;
    return options;
  }

  /// Nodes spent, at most `most` and a batch.
  static std::int64_t improve(const SearchContext& c, std::int64_t nodes_per_bound, std::int64_t most, bounds::Bounds& bounds) {
    const double begin = c.watch.wall_seconds();
    const std::int64_t spent =
        branch::tighten(c.embedded, c.region, {.nodes = nodes_per_bound, .node_limit = most, .budget = c.budget()}, bounds);
    c.result.neurons = count_relu_cases(bounds);
    c.result.unstable_by_layer = unstable_by_layer(bounds);
    c.result.bounds_seconds += c.watch.wall_seconds() - begin;
    return spent;
  }
};

}  // namespace

std::unique_ptr<Search> make_bab_search() { return std::make_unique<BabSearch>(); }

}  // namespace espalier::engine
