// Algorithm 1 with a MILP: bounds, model, solver.
#include <algorithm>

#include "engine/conclude.hpp"
#include "engine/search.hpp"
#include "espalier/branch/tighten.hpp"

namespace espalier::engine {

namespace {

class MilpSearch final : public Search {
 public:
  explicit MilpSearch(const SolveSettings& settings)
      : solver_(milp::make_solver(settings.solver)),
        formulation_(embed::make_formulation(settings.formulation)),
        method_(branch::make_bounds_method(settings.bounds)) {}

  std::string version() const override { return solver_->version(); }

  milp::Result run(const SearchContext& c) const override {
    const bounds::Bounds bounds = bound(*method_, c);
    milp::Result claimed = c.budget().spent() ? without_model(c) : with_model(c, bounds);
    const milp::Reason reason = claimed.termination.reason;
    if (reason == milp::Reason::limit || reason == milp::Reason::stopped)
      claimed.dual_bound = std::min(claimed.dual_bound, largest_margin(bounds, c.objective));
    return claimed;
  }

 private:
  /// The time is over before there is anything to search: nothing but the start is looked at.
  static milp::Result without_model(const SearchContext& c) {
    milp::Result claimed;
    claimed.dual_bound = milp::infinity;
    claimed.termination = {.reason = milp::Reason::limit, .limit = milp::Limit::time, .detail = "no time was left to search a model"};
    if (const std::optional<Eigen::VectorXd> input = start(c)) {
      claimed.incumbent = {.objective = c.margin(*input), .x = {input->begin(), input->end()}, .seconds = c.watch.wall_seconds()};
      c.see(*input, claimed.incumbent->objective);
    }
    if (c.settings.stop_requested && c.settings.stop_requested())
      claimed.termination = {.reason = milp::Reason::stopped, .limit = milp::Limit::none, .detail = "stopped by the caller"};
    return claimed;
  }

  milp::Result with_model(const SearchContext& c, const bounds::Bounds& bounds) const {
    const double bounded = c.watch.wall_seconds();
    const auto embedding =
        formulation_->build({.network = c.embedded, .region = c.region, .objective = c.objective, .bounds = bounds, .budget = c.budget()});
    const double build_seconds = c.watch.wall_seconds() - bounded;
    c.result.embed_seconds += build_seconds;
    if (!embedding) return without_model(c);
    c.result.size = embedding->size();
    // To check and load a model and to set up its linear program takes up to eight times as long as to build it, and nobody looks at the
    // clock meanwhile.
    return c.seconds_left() < 8 * build_seconds ? without_model(c) : search(c, *embedding);
  }

  milp::Result search(const SearchContext& c, const embed::Embedding& embedding) const {
    const std::optional<Eigen::VectorXd> input = start(c);
    milp::SolveOptions options = solve_options(c, embedding);
    if (input) options.start = embedding.complete(*input);
    if (c.recorder.finished() || (input && see(c, embedding, options.start) == milp::CallbackAction::stop)) {
      milp::Result claimed;
      claimed.termination = {.reason = milp::Reason::stopped, .limit = milp::Limit::none, .detail = "the start succeeds"};
      claimed.dual_bound = milp::infinity;
      return claimed;
    }
    options.time_limit = c.seconds_left();
    milp::Result claimed = solver_->solve(embedding.model(), options);
    if (claimed.incumbent) {
      // A back end that reports no incumbents on its way gives its best one here; for the others this repeats the last one.
      see(c, embedding, claimed.incumbent->x);
      const Eigen::VectorXd best = embedding.read_input(claimed.incumbent->x);
      claimed.incumbent->x.assign(best.begin(), best.end());
    }
    return claimed;
  }

  static std::optional<Eigen::VectorXd> start(const SearchContext& c) {
    if (c.known) return c.known;
    if (c.settings.start == Start::none) return std::nullopt;
    if (c.settings.start == Start::clean_input) return c.problem.input;
    const milp::Result found = attack(c, attack_share);
    return Eigen::Map<const Eigen::VectorXd>(found.incumbent->x.data(), static_cast<Eigen::Index>(found.incumbent->x.size()));
  }

  static milp::CallbackAction see(const SearchContext& c, const embed::Embedding& embedding, const std::vector<double>& point) {
    return c.see(embedding.read_input(point), embedding.model().objective_value(point));
  }

  static milp::SolveOptions solve_options(const SearchContext& c, const embed::Embedding& embedding) {
    milp::SolveOptions options;
    options.node_limit = c.settings.node_limit;
    options.relative_gap = c.settings.relative_gap;
    options.absolute_gap = c.absolute_gap();
    if (c.settings.goal == Goal::decide && c.result.dense) options.cutoff = c.cutoff();
    options.seed = c.settings.seed;
    options.log_file = c.settings.log_file;
    options.on_incumbent = [&c, &embedding](const milp::Incumbent& incumbent) {
      return c.see(embedding.read_input(incumbent.x), incumbent.objective);
    };
    options.stop_requested = c.settings.stop_requested;
    return options;
  }

  std::unique_ptr<milp::Solver> solver_;
  std::unique_ptr<embed::Formulation> formulation_;
  std::unique_ptr<bounds::BoundsMethod> method_;
};

}  // namespace

std::unique_ptr<Search> make_milp_search(const SolveSettings& settings) { return std::make_unique<MilpSearch>(settings); }

}  // namespace espalier::engine
