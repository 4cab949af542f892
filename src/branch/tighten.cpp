#include "espalier/branch/tighten.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "branch/bounding.hpp"
#include "branch/node_lp.hpp"
#include "espalier/base/error.hpp"
#include "espalier/base/text.hpp"
#include "espalier/branch/branch.hpp"

namespace espalier::branch {
namespace {

/// The network up to a layer, one of whose neurons takes the place of the output.
class Prefix {
 public:
  Prefix(const nn::Network& network, const problem::Region& region, std::size_t layer, const bounds::Bounds& bounds)
      : whole_(network), region_(region), layer_(layer) {
    const auto end = static_cast<std::ptrdiff_t>(layer);
    network_.layers.assign(network.layers.begin(), network.layers.begin() + end);
    bounds_.layers.assign(bounds.layers.begin(), bounds.layers.begin() + end);
    network_.layers.push_back({.weight = nn::WeightMatrix(1, network.layers[layer].inputs()), .bias = Eigen::VectorXf(1), .mask = {}});
    bounds_.layers.push_back({.lower = Eigen::VectorXd(1), .upper = Eigen::VectorXd(1)});
  }

  /// The objective becomes sign g_i, and g_i is in [lower, upper].
  void set_output(Eigen::Index i, double sign, double lower, double upper) {
    network_.layers.back().weight.row(0) = whole_.layers[layer_].weight.row(i);
    network_.layers.back().bias[0] = whole_.layers[layer_].bias[i];
    bounds_.layers.back().lower[0] = lower;
    bounds_.layers.back().upper[0] = upper;
    objective_.functions = {{.coefficients = Eigen::VectorXd::Constant(1, sign)}};
  }

  Query query() const { return {.network = network_, .region = region_, .objective = objective_, .bounds = bounds_}; }

 private:
  const nn::Network& whole_;
  const problem::Region& region_;
  std::size_t layer_;
  nn::Network network_;
  bounds::Bounds bounds_;
  nn::Objective objective_;
};

/// Upper bounds of one prefix after another by linear programs.
class ByPrograms {
 public:
  explicit ByPrograms(const TighteningOptions& options) : budget_(options.budget) {}

  bool over() const { return budget_.spent(); }
  double operator()(const Prefix& prefix) {
    const Query query = prefix.query();
    if (program_)
      program_->set_output(output_row(query.objective.functions.front(), query.network.layers.back()));
    else
      program_.emplace(query);
    Bounding bounding(query, [](const Eigen::VectorXd&, double) {});
    Node root = bounding.roots().front();
    try {
      program_->solve(root, bounding, budget_);
    } catch (const Interrupted&) {
      return root.bound;
    }
    ++solved_;
    return root.bound;
  }
  std::int64_t count() const { return solved_; }

 private:
  const base::Budget& budget_;
  std::optional<NodeLp> program_;
  std::int64_t solved_ = 0;
};

class BySearch {
 public:
  explicit BySearch(const TighteningOptions& options, std::int64_t spent) : limits_(options), spent_(spent) {
    options_.relative_gap = 1e-2;
    options_.absolute_gap = 1e-3;
    options_.stop_requested = [this] { return limits_.budget.spent(); };
  }
  BySearch(const BySearch&) = delete;
  BySearch& operator=(const BySearch&) = delete;

  bool over() const { return limits_.budget.spent() || left() == 0; }
  double operator()(const Prefix& prefix) {
    options_.node_limit = std::min(limits_.nodes, left());
    const Outcome outcome = run(prefix.query(), options_);
    nodes_ += outcome.nodes;
    return outcome.bound;
  }
  std::int64_t count() const { return nodes_; }

 private:
  std::int64_t left() const {
    if (limits_.node_limit < 0) return std::numeric_limits<std::int64_t>::max();
    return std::max<std::int64_t>(0, limits_.node_limit - spent_ - nodes_);
  }

  const TighteningOptions& limits_;
  std::int64_t spent_;  ///< in the layers before
  Options options_;
  std::int64_t nodes_ = 0;
};

/// Neuron after neuron, until a limit is met. Returns what was spent.
template <class UpperBound>
std::int64_t tighten_layer(const nn::Network& network, const problem::Region& region, std::size_t layer, UpperBound&& upper_bound,
                           bounds::Bounds& bounds) {
  Prefix prefix(network, region, layer, bounds);
  bounds::LayerBounds& own = bounds.layers[layer];
  for (Eigen::Index i = 0; i < own.lower.size() && !upper_bound.over(); ++i) {
    // The second bound is left out when the first one decides the sign.
    if (bounds::classify(own.lower[i], own.upper[i]) != bounds::ReluCase::unstable) continue;
    prefix.set_output(i, 1, own.lower[i], own.upper[i]);
    own.upper[i] = std::max(own.lower[i], std::min(own.upper[i], upper_bound(prefix)));
    if (own.upper[i] <= 0 || upper_bound.over()) continue;
    prefix.set_output(i, -1, own.lower[i], own.upper[i]);
    own.lower[i] = std::min(own.upper[i], std::max(own.lower[i], -upper_bound(prefix)));
  }
  return upper_bound.count();
}

class Searched final : public bounds::BoundsMethod {
 public:
  Searched(std::string name, std::int64_t nodes) : name_(std::move(name)), nodes_(nodes) {}
  std::string name() const override { return name_; }

 private:
  bounds::Bounds do_compute(const nn::Network& network, const problem::Region& region, const base::Budget& budget) const override {
    bounds::Bounds bounds = bounds::make_alpha_crown()->compute(network, region, budget);
    if (bounds.complete) tighten(network, region, {.nodes = nodes_, .budget = budget}, bounds);
    return bounds;
  }

  std::string name_;
  std::int64_t nodes_;
};

constexpr std::int64_t mip_nodes = 32;

}  // namespace

std::int64_t tighten(const nn::Network& network, const problem::Region& region, const TighteningOptions& options, bounds::Bounds& bounds) {
  check(bounds, network, "tighten");
  if (options.nodes == 0 && !region.is_polytope())
    base::fail(base::ErrorKind::data, "tighten: expected a region with linear sides for linear programs, found a Euclidean ball");
  std::int64_t count = 0;
  const auto met = [&] { return options.nodes > 0 && options.node_limit >= 0 && count >= options.node_limit; };
  for (std::size_t layer = 1; layer < network.layers.size() && !met(); ++layer) {
    renew(network, region, layer, options.budget, bounds);
    const bool logits = layer + 1 == network.layers.size();  // nothing is decided by their signs
    if (options.budget.spent() || logits) break;
    count += options.nodes == 0 ? tighten_layer(network, region, layer, ByPrograms(options), bounds)
                                : tighten_layer(network, region, layer, BySearch(options, count), bounds);
  }
  if (options.budget.spent()) bounds.complete = false;
  return count;
}

namespace {

using BoundsMaker = std::unique_ptr<bounds::BoundsMethod> (*)();
const std::vector<std::pair<std::string, BoundsMaker>>& bounds_methods() {
  static const std::vector<std::pair<std::string, BoundsMaker>> methods{
      {"interval-box", bounds::make_interval_box},
      {"interval", bounds::make_interval},
      {"crown", bounds::make_crown},
      {"alpha-crown", bounds::make_alpha_crown},
      {"obbt-lp", [] { return std::unique_ptr<bounds::BoundsMethod>(new Searched("obbt-lp", 0)); }},
      {"obbt-mip", [] { return std::unique_ptr<bounds::BoundsMethod>(new Searched("obbt-mip", mip_nodes)); }}};
  return methods;
}

}  // namespace

std::vector<std::string> bounds_method_names() {
  std::vector<std::string> names;
  for (const auto& [name, make] : bounds_methods()) names.push_back(name);
  return names;
}

std::unique_ptr<bounds::BoundsMethod> make_bounds_method(const std::string& name) {
  for (const auto& [known, make] : bounds_methods())
    if (name == known) return make();
  const std::vector<std::string> names = bounds_method_names();
  base::fail(base::ErrorKind::configuration, "bounds: expected one of {}, found '{}'{}", fmt::join(names, ", "), name,
             base::did_you_mean(name, names));
}

}  // namespace espalier::branch
