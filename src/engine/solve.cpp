#include "espalier/engine/solve.hpp"

#include <algorithm>
#include <cmath>
#include <memory>

#include "engine/conclude.hpp"
#include "engine/recorder.hpp"
#include "espalier/base/clock.hpp"
#include "espalier/base/error.hpp"

namespace espalier::engine {
namespace {

using base::ErrorKind;

void check_settings(const SolveSettings& s) {
  if (!(s.time_limit_seconds >= 0)) {
    base::fail(ErrorKind::configuration, "time_limit: expected seconds of at least 0, found {}", s.time_limit_seconds);
  }
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

double margin(const nn::Network& network, const problem::Problem& problem, const Eigen::VectorXd& input) {
  const Eigen::VectorXd logits = nn::forward(network, input);
  return logits[problem.target] - logits[problem.label];
}

/// One solve, phase by phase; the stopwatch starts with the bounds.
class Run {
 public:
  Run(const problem::Problem& problem, const nn::Network& embedded, const SolveSettings& settings)
      : problem_(problem),
        embedded_(embedded),
        settings_(settings),
        ball_(problem.ball()),
        verifier_(problem),
        solver_(milp::make_solver(settings.solver)),
        formulation_(embed::make_formulation(settings.formulation)),
        method_(bounds::make_bounds_method(settings.bounds)) {
    result_.dense = same_network(problem.network, embedded);
    result_.solver_version = solver_->version();
    result_.succeeds_at_clean_input = verifier_.clean_input().adversarial();
  }

  SolveResult operator()() {
    const base::Stopwatch watch;
    const bounds::Bounds bounds = method_->compute(embedded_, ball_);
    result_.neurons = count_relu_cases(bounds);
    result_.unstable_by_layer = unstable_by_layer(bounds);
    result_.bounds_seconds = watch.wall_seconds();

    const auto embedding =
        formulation_->build({.network = embedded_, .ball = ball_, .label = problem_.label, .target = problem_.target, .bounds = bounds});
    result_.size = embedding->size();
    result_.embed_seconds = watch.wall_seconds() - result_.bounds_seconds;

    Recorder recorder(verifier_, *embedding, settings_, watch, result_);
    search(*embedding, recorder, watch);
    result_.total_seconds = watch.wall_seconds();
    result_.solver_seconds = result_.total_seconds - result_.bounds_seconds - result_.embed_seconds;
    return std::move(result_);
  }

 private:
  void search(const embed::Embedding& embedding, Recorder& recorder, const base::Stopwatch& watch) {
    milp::SolveOptions options = solve_options(embedding, recorder, watch);
    milp::Result claimed;
    if (!options.start.empty() &&
        recorder.see(options.start, embedding.model().objective_value(options.start)) == milp::CallbackAction::stop) {
      claimed.termination = {.reason = milp::Reason::stopped, .limit = milp::Limit::none, .detail = "the clean input succeeds"};
      claimed.dual_bound = milp::infinity;
    } else {
      claimed = solver_->solve(embedding.model(), options);
    }
    std::optional<double> embedded_margin;
    if (claimed.incumbent) {
      // A back end that reports no incumbents on its way gives its best one here; for the others this repeats the last one.
      recorder.see(claimed.incumbent->x, claimed.incumbent->objective);
      embedded_margin = margin(embedded_, problem_, problem::clip_and_scale(ball_, embedding.read_input(claimed.incumbent->x)));
    }
    result_.nodes = claimed.nodes;
    result_.iterations = claimed.iterations;
    conclude({.claimed = claimed, .goal = settings_.goal, .stopped_by_success = recorder.finished(), .embedded_margin = embedded_margin},
             result_);
  }

  milp::SolveOptions solve_options(const embed::Embedding& embedding, Recorder& recorder, const base::Stopwatch& watch) const {
    milp::SolveOptions options;
    options.time_limit = std::max(0.0, settings_.time_limit_seconds - watch.wall_seconds());
    options.node_limit = settings_.node_limit;
    options.relative_gap = settings_.relative_gap;
    options.absolute_gap = settings_.absolute_gap;
    if (settings_.goal == Goal::decide && result_.dense) options.cutoff = decide_cutoff;
    if (settings_.start == Start::clean_input) options.start = embedding.lift(problem_.input);
    options.seed = settings_.seed;
    options.log_file = settings_.log_file;
    options.on_incumbent = [&recorder](const milp::Incumbent& incumbent) { return recorder.see(incumbent.x, incumbent.objective); };
    options.stop_requested = settings_.stop_requested;
    return options;
  }

  const problem::Problem& problem_;
  const nn::Network& embedded_;
  const SolveSettings& settings_;
  problem::Ball ball_;
  certify::Verifier verifier_;
  std::unique_ptr<milp::Solver> solver_;
  std::unique_ptr<embed::Formulation> formulation_;
  std::unique_ptr<bounds::BoundsMethod> method_;
  SolveResult result_;
};

}  // namespace

SolveResult solve(const problem::Problem& problem, const nn::Network& embedded, const SolveSettings& settings) {
  problem.check();
  check_embedded(problem, embedded);
  check_settings(settings);
  return Run(problem, embedded, settings)();
}

SolveResult solve(const problem::Problem& problem, const SolveSettings& settings) { return solve(problem, problem.network, settings); }

}  // namespace espalier::engine
