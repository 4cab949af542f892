#include "espalier/milp/solver.hpp"

#include <algorithm>
#include <cmath>
#include <new>

#include "espalier/base/error.hpp"
#include "espalier/base/text.hpp"
#include "milp/cbc/cbc_solver.hpp"
#include "milp/external/external_solver.hpp"
#include "milp/incumbents.hpp"

namespace espalier::milp {
namespace {

using base::ErrorKind;
using base::fail;

void check_options(const Model& model, const SolveOptions& o) {
  if (!(o.time_limit >= 0)) fail(ErrorKind::configuration, "time_limit: seconds of at least 0 are expected, found {}", o.time_limit);
  if (o.node_limit < -1) fail(ErrorKind::configuration, "node_limit: -1 (none) or more is expected, found {}", o.node_limit);
  if (!(o.relative_gap >= 0 && std::isfinite(o.relative_gap)))
    fail(ErrorKind::configuration, "relative_gap: a finite number of at least 0 is expected, found {}", o.relative_gap);
  if (!(o.absolute_gap >= 0 && std::isfinite(o.absolute_gap)))
    fail(ErrorKind::configuration, "absolute_gap: a finite number of at least 0 is expected, found {}", o.absolute_gap);
  if (o.cutoff && !std::isfinite(*o.cutoff)) fail(ErrorKind::configuration, "cutoff: a finite number is expected, found {}", *o.cutoff);
  if (!o.start.empty() && o.start.size() != model.columns().size())
    fail(ErrorKind::internal, "start: {} values, one per column, are expected, found {}", model.columns().size(), o.start.size());
}

/// A start that is no point of the model is dropped; "" or a sentence about it. Rounding alone makes one where numbers are large.
std::string drop_infeasible_start(const Model& model, SolveOptions& options) {
  const double violation = options.start.empty() ? 0 : model.violation(options.start);
  if (violation <= start_tolerance) return "";
  options.start.clear();
  return fmt::format("the start was dropped: it violates the model by {:.3g}, more than {:.0e}", violation, start_tolerance);
}

/// Nothing to search: the start is all there can be.
Result only_the_start(const Model& model, const SolveOptions& options) {
  IncumbentRecorder recorder(model, options);
  if (!options.start.empty()) recorder.offer(options.start);
  Result result;
  result.termination = {.reason = Reason::limit, .limit = Limit::time, .detail = "time limit 0: nothing but the start was looked at"};
  if (auto termination = caller_termination(recorder, recorder.stop_wanted())) result.termination = *termination;
  result.incumbent = recorder.best();
  result.dual_bound = -worst_value(model.sense());
  return result;
}

/// A model without columns has one point, the empty one. Solvers differ in what they make of it.
Result solve_without_columns(const Model& model, const SolveOptions& options) {
  IncumbentRecorder recorder(model, options);
  recorder.offer({});
  Result result;
  result.incumbent = recorder.best();
  result.dual_bound = model.objective_constant();
  if (auto termination = caller_termination(recorder, recorder.stop_wanted())) {
    result.termination = *termination;
  } else if (recorder.best()) {
    result.termination = {.reason = Reason::optimal, .detail = "the model has no columns"};
  } else if (model.violation({}) > start_tolerance) {
    result.termination = {.reason = Reason::infeasible, .detail = "the model has no columns and a row that excludes 0"};
    result.dual_bound = worst_value(model.sense());
  } else {
    result.termination = {.reason = Reason::limit, .limit = Limit::cutoff, .detail = "the model has no columns"};
    result.dual_bound = *options.cutoff;
  }
  return result;
}

Result failed(const Model& model, const std::string& detail) {
  Result result;
  result.termination = {.reason = Reason::error, .detail = detail};
  result.dual_bound = -worst_value(model.sense());
  return result;
}

/// What is wrong with a claim that a point we hold contradicts, or "". The start is held against it even if it was no better than the
/// cutoff.
std::string contradiction(const Model& model, const SolveOptions& options, const Result& result) {
  if (result.termination.reason == Reason::error) return "";
  std::optional<double> known;
  if (!options.start.empty()) known = model.objective_value(options.start);
  const bool start_is_best = known && !(result.incumbent && better(model.sense(), result.incumbent->objective, *known));
  if (!start_is_best && result.incumbent) known = result.incumbent->objective;
  if (!known) return "";
  const char* whose = start_is_best ? "the start" : "its own point";
  if (result.termination.reason == Reason::infeasible)
    return fmt::format("it claims infeasibility, but {} is feasible, with the value {:.9g}", whose, *known);
  if (!better(model.sense(), result.dual_bound, *known) && !claims_agree(result.dual_bound, *known))  // a bound that is NaN is none
    return fmt::format("it claims that nothing is better than {:.9g}, but {} has the value {:.9g}", result.dual_bound, whose, *known);
  return "";
}

}  // namespace

std::string_view to_string(Reason reason) {
  switch (reason) {
    case Reason::optimal:
      return "optimal";
    case Reason::infeasible:
      return "infeasible";
    case Reason::unbounded:
      return "unbounded";
    case Reason::limit:
      return "limit";
    case Reason::stopped:
      return "stopped";
    case Reason::error:
      return "error";
  }
  return "unknown";
}

std::string_view to_string(Limit limit) {
  switch (limit) {
    case Limit::none:
      return "none";
    case Limit::time:
      return "time";
    case Limit::nodes:
      return "nodes";
    case Limit::iterations:
      return "iterations";
    case Limit::memory:
      return "memory";
    case Limit::cutoff:
      return "cutoff";
    case Limit::tolerance:
      return "tolerance";
  }
  return "unknown";
}

Result Solver::solve(const Model& model, const SolveOptions& given) const {
  const base::Stopwatch watch;
  model.check();
  check_options(model, given);
  SolveOptions options = given;
  const std::string dropped = drop_infeasible_start(model, options);
  SolveOptions checked = options;
  if (checked.cutoff && !checked.start.empty() && !better(model.sense(), model.objective_value(checked.start), *checked.cutoff))
    checked.start.clear();
  checked.time_limit = std::max(0.0, options.time_limit - watch.wall_seconds());  // the checks of a large model take their time
  Result result;
  try {
    if (model.columns().empty()) {
      result = solve_without_columns(model, checked);
    } else if (checked.time_limit == 0) {
      result = only_the_start(model, checked);
    } else {
      result = do_solve(model, checked);
    }
  } catch (const std::bad_alloc&) {
    throw;  // the caller's limit of memory, no defect of the solver
  } catch (const std::exception& e) {
    result = failed(model, fmt::format("{}: {}", name(), e.what()));
  }
  if (result.termination.reason == Reason::optimal && !result.incumbent)
    result.termination = {.reason = Reason::error, .detail = name() + " claims an optimum but gave no point: " + result.termination.detail};
  if (const std::string why = contradiction(model, options, result); !why.empty())
    result.termination = {.reason = Reason::error, .detail = name() + ": " + why + ": " + result.termination.detail};
  if (!dropped.empty()) result.termination.detail += "; " + dropped;
  result.seconds = watch.wall_seconds();
  return result;
}

std::vector<std::string> solver_names() { return {"cbc", "external:cbc", "external:glpsol", "external:<command line>"}; }

namespace {
constexpr std::string_view external = "external:";
}

void require_program(const std::string& name) {
  if (name.starts_with(external)) require_external_program(name.substr(external.size()));
}

std::unique_ptr<Solver> make_solver(const std::string& name) {
  if (name == "cbc") return make_cbc_solver();
  if (name.starts_with(external)) return make_external_solver(name.substr(external.size()));
  const std::vector<std::string> names = solver_names();
  fail(ErrorKind::configuration, "unknown solver '{}'{}: one of {} is expected", name, base::did_you_mean(name, names),
       fmt::join(names, ", "));
}

}  // namespace espalier::milp
