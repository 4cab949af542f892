#include "espalier/engine/solve.hpp"

#include <algorithm>
#include <cmath>
#include <memory>

#include "engine/conclude.hpp"
#include "engine/confirm.hpp"
#include "engine/recorder.hpp"
#include "engine/search.hpp"
#include "engine/searched_network.hpp"
#include "espalier/base/clock.hpp"
#include "espalier/base/error.hpp"
#include "espalier/base/text.hpp"

namespace espalier::engine {
namespace {

using base::ErrorKind;

void check_limits(const SolveSettings& s) {
  if (!(s.time_limit_seconds >= 0)) {
    base::fail(ErrorKind::configuration, "time_limit: expected seconds of at least 0, found {}", s.time_limit_seconds);
  }
  if (!(s.check_share >= 0 && s.check_share <= 1))
    base::fail(ErrorKind::configuration, "check_share: expected a number in [0, 1], found {}", s.check_share);
  if (s.node_limit < -1) base::fail(ErrorKind::configuration, "node_limit: expected -1 (none) or more, found {}", s.node_limit);
  const auto valid_gap = [](double gap) { return std::isfinite(gap) && gap >= 0; };
  if (!valid_gap(s.relative_gap))
    base::fail(ErrorKind::configuration, "relative_gap: expected a finite number >= 0, found {}", s.relative_gap);
  if (!valid_gap(s.absolute_gap))
    base::fail(ErrorKind::configuration, "absolute_gap: expected a finite number >= 0, found {}", s.absolute_gap);
}

void check_embedded(const problem::Problem& problem, const nn::Network& embedded) {
  embedded.check();
  if (embedded.inputs() != problem.network.inputs() || embedded.outputs() != problem.network.outputs()) {
    base::fail(ErrorKind::data, "problem '{}': embedded network: expected {} inputs and {} outputs, found {} and {}", problem.name,
               problem.network.inputs(), problem.network.outputs(), embedded.inputs(), embedded.outputs());
  }
}

bool same_network(const nn::Network& a, const nn::Network& b) {
  return std::equal(a.layers.begin(), a.layers.end(), b.layers.begin(), b.layers.end(), [](const nn::Layer& x, const nn::Layer& y) {
    return x.weight.rows() == y.weight.rows() && x.weight.cols() == y.weight.cols() && x.weight == y.weight && x.bias == y.bias;
  });
}

/// A statement about all feasible inputs.
bool is_decided(Status status) { return status == Status::optimal || status == Status::robust; }

struct OwnSolver {
  std::string_view name;
  std::unique_ptr<Search> (*make)();
};
constexpr OwnSolver own_solvers[]{{"bab", make_bab_search}, {"attack", make_attack_search}};

const OwnSolver* find_own_solver(std::string_view name) {
  const auto* found =
      std::find_if(std::begin(own_solvers), std::end(own_solvers), [name](const OwnSolver& own) { return own.name == name; });
  return found == std::end(own_solvers) ? nullptr : found;
}

std::unique_ptr<Search> make_search(const SolveSettings& settings) {
  if (const OwnSolver* own = find_own_solver(settings.solver)) return own->make();
  const std::vector<std::string> names = solver_names();
  if (std::find(names.begin(), names.end(), settings.solver) == names.end() && !settings.solver.starts_with("external:")) {
    base::fail(ErrorKind::configuration, "solver: expected one of {}, found '{}'{}", fmt::join(names, ", "), settings.solver,
               base::did_you_mean(settings.solver, names));
  }
  return make_milp_search(settings);
}

/// One search of one network: its claim is compared with a forward pass and becomes the result's status.
void search_and_conclude(const Search& search, const SearchContext& context, SolveResult& result) {
  milp::Result claimed = search.run(context);
  claimed.dual_bound = context.bound(claimed.dual_bound);
  std::optional<double> embedded_margin;
  if (claimed.incumbent) {
    const std::vector<double>& x = claimed.incumbent->x;
    const Eigen::Map<const Eigen::VectorXd> input(x.data(), static_cast<Eigen::Index>(x.size()));
    claimed.incumbent->objective *= context.unit;
    embedded_margin = context.unit * context.margin(problem::repair(context.region, input));
  }
  result.nodes += claimed.nodes;
  result.iterations += claimed.iterations;
  conclude({.claimed = claimed,
            .settings = context.settings,
            .stopped_by_success = context.recorder.finished(),
            .embedded_margin = embedded_margin,
            .margin_unit = context.margin_unit},
           result);
}

/// `known`: a feasible input to start from.
SolveResult run(const problem::Problem& problem, const nn::Network& embedded, const SolveSettings& settings,
                const std::optional<Eigen::VectorXd>& known = {}) {
  const std::unique_ptr<Search> search = make_search(settings);
  const certify::Verifier verifier(problem);
  const problem::Region region = problem.region();
  SolveResult result;
  result.dense = same_network(problem.network, embedded);
  result.solver_version = search->version();
  const certify::Verified clean_input = verifier.clean_input();
  result.clean_input_misclassified = clean_input.adversarial();

  const base::Stopwatch watch;
  Recorder recorder(verifier, settings, watch, result);
  recorder.begin(clean_input);
  const auto search_network = [&](const nn::Network& network, const SolveSettings& own, const std::optional<Eigen::VectorXd>& start) {
    const SearchedNetwork searched = searched_network(problem, network, own, watch, result);
    search_and_conclude(*search,
                        {.problem = problem,
                         .embedded = searched.network,
                         .objective = searched.objective,
                         .settings = own,
                         .region = region,
                         .watch = watch,
                         .recorder = recorder,
                         .result = result,
                         .known = start,
                         .deviation = searched.deviation,
                         .unit = searched.unit,
                         .margin_unit = verifier.margin_unit()},
                        result);
  };
  const bool fall_back = !result.dense && settings.protocol == Protocol::surrogate_then_dense;
  SolveSettings first = settings;
  if (fall_back) first.time_limit_seconds /= 2;
  search_network(embedded, first, known);
  if (fall_back && !recorder.finished() && result.status != Status::error && result.reason != "stopped") {
    result.surrogate_seconds = watch.wall_seconds();
    if (result.limit == to_string(milp::Limit::time)) note_cut_short("surrogate", result);
    result.dense = true;
    result.claimed_objective.reset();
    result.dual_bound = milp::infinity;
    result.bound_trace.clear();
    search_network(problem.network, settings, result.incumbents > 0 ? result.input : std::nullopt);
  }
  result.total_seconds = watch.wall_seconds();
  result.cpu_seconds = watch.cpu_seconds();
  result.solver_seconds = result.total_seconds - result.bounds_seconds - result.embed_seconds;
  // Of the network as it was, compression may have left the bound open; and a MILP solver's bound is no proof either way.
  const bool left_open = result.reason == gap_open && (result.compression || !search->proves());
  if (search->proves() && !left_open) {
    if (result.dense && result.dual_bound < milp::infinity) result.proved_bound = result.dual_bound;
    if (is_decided(result.status)) result.proved_by = result.nodes > 1 ? "bab" : "bounds";
  } else if (is_decided(result.status) || left_open) {
    const Prove prove = [&problem](const SolveSettings& own, const auto& start) { return run(problem, problem.network, own, start); };
    confirm({.settings = settings, .elapsed_seconds = result.total_seconds, .margin_unit = verifier.margin_unit(), .prove = prove},
            recorder, result);
  }
  return result;
}

}  // namespace

std::vector<std::string> solver_names() {
  std::vector<std::string> names = milp::solver_names();
  const std::vector<std::string> own = own_solver_names();
  names.insert(names.end(), own.begin(), own.end());
  return names;
}

std::vector<std::string> own_solver_names() {
  std::vector<std::string> names;
  for (const OwnSolver& own : own_solvers) names.emplace_back(own.name);
  return names;
}

bool is_own_solver(std::string_view solver) { return find_own_solver(solver) != nullptr; }

void check_settings(const SolveSettings& settings) {
  check_limits(settings);
  make_search(settings);
}

void check_norm(const std::string& solver, problem::Norm norm) {
  if (norm != problem::Norm::l2 || is_own_solver(solver)) return;
  base::fail(ErrorKind::configuration,
             "solver: expected {} over a region of norm l2, found '{}': a Euclidean ball is no part of a linear model",
             fmt::join(own_solver_names(), " or "), solver);
}

void require_program(const SolveSettings& settings) { milp::require_program(settings.solver); }

SolveResult solve(const problem::Problem& problem, const nn::Network& embedded, const SolveSettings& settings) {
  problem.check();
  check_embedded(problem, embedded);
  check_limits(settings);
  check_norm(settings.solver, problem.norm);
  return run(problem, embedded, settings);
}

SolveResult solve(const problem::Problem& problem, const SolveSettings& settings) { return solve(problem, problem.network, settings); }

}  // namespace espalier::engine
