#include "milp/cbc/termination.hpp"

#include <fmt/format.h>

#include <CbcModel.hpp>
#include <OsiClpSolverInterface.hpp>
#include <algorithm>
#include <cmath>

#include "milp/cbc/osi_model.hpp"

namespace espalier::milp {
namespace {

enum CbcStatus { finished = 0, limited = 1, abandoned = 2, by_event = 5 };
enum CbcSecondary {
  lp_infeasible = 1,
  gap_reached = 2,
  node_limit = 3,
  time_limit = 4,
  user_event = 5,
  solution_limit = 6,
  lp_unbounded = 7,
  iteration_limit = 8
};

Termination time_out(std::string detail) { return {.reason = Reason::limit, .limit = Limit::time, .detail = std::move(detail)}; }

std::string codes(const CbcModel& cbc) { return fmt::format("Cbc status {}, secondary status {}", cbc.status(), cbc.secondaryStatus()); }

/// The search is over: nothing better than the incumbent, the cutoff or nothing at all exists.
void conclude_finished(const CbcModel& cbc, const Search& search, Result& result) {
  const auto& best = search.recorder.best();
  if (cbc.secondaryStatus() == lp_unbounded) {
    result.termination = {.reason = Reason::unbounded, .detail = codes(cbc)};
  } else if (best) {
    const bool gap = cbc.secondaryStatus() == gap_reached;
    result.termination = {.reason = Reason::optimal, .detail = codes(cbc) + (gap ? " (within the allowed gap)" : "")};
    // Without a gap that is Cbc's own optimum, which need not be the best point that we know.
    result.dual_bound = from_cbc_objective(search.model, cbc.getBestPossibleObjValue());
  } else if (search.options.cutoff) {
    result.termination = {.reason = Reason::limit, .limit = Limit::cutoff, .detail = codes(cbc) + ": nothing is better than the cutoff"};
    result.dual_bound = *search.options.cutoff;
  } else {
    result.termination = {.reason = Reason::infeasible, .detail = codes(cbc)};
    result.dual_bound = worst_value(search.model.sense());
  }
}

Termination limit_termination(const CbcModel& cbc, const Search& search) {
  const std::string detail = codes(cbc);
  if (cbc.secondaryStatus() == time_limit || search.out_of_time()) return time_out(detail);
  if (cbc.secondaryStatus() == node_limit) return {.reason = Reason::limit, .limit = Limit::nodes, .detail = detail};
  if (cbc.secondaryStatus() == iteration_limit) return {.reason = Reason::limit, .limit = Limit::iterations, .detail = detail};
  return {.reason = Reason::error, .detail = detail + ": stopped for a reason that was not asked for"};
}

/// A refused point that was better than all we kept: Cbc pruned with its value, so its proof is void.
bool pruned_by_refused_point(const Search& search) {
  const auto& rejected = search.recorder.rejected_objective();
  const auto& best = search.recorder.best();
  return rejected && (!best || better(search.model.sense(), *rejected, best->objective));
}

}  // namespace

std::optional<Termination> classify_root(const OsiClpSolverInterface& osi, const Search& search) {
  if (auto termination = caller_termination(search.recorder, search.stop)) return termination;
  const int status = osi.getModelPtr()->status();
  const std::string detail = fmt::format("Clp status {} of the LP relaxation", status);
  if (search.lp_interrupted || search.out_of_time()) return time_out(detail);
  if (osi.isProvenPrimalInfeasible()) return Termination{.reason = Reason::infeasible, .detail = detail};
  if (osi.isProvenDualInfeasible()) return Termination{.reason = Reason::unbounded, .detail = detail};
  if (osi.isProvenOptimal()) return std::nullopt;
  return Termination{.reason = Reason::error, .detail = detail + ": it was neither solved nor proven infeasible"};
}

void conclude(const CbcModel& cbc, const Search& search, Result& result) {
  result.dual_bound = from_cbc_objective(search.model, search.trusted_bound);
  if (auto termination = caller_termination(search.recorder, search.stop)) {
    result.termination = *termination;
  } else if (search.lp_interrupted) {
    result.termination = time_out(codes(cbc) + ": an LP was cut short");
  } else if (cbc.status() == finished && pruned_by_refused_point(search)) {
    result.termination = {.reason = Reason::error, .detail = codes(cbc) + ": " + search.recorder.rejection()};
  } else if (cbc.status() == finished) {
    conclude_finished(cbc, search, result);
  } else if (cbc.status() == limited || cbc.status() == by_event) {
    result.termination = limit_termination(cbc, search);
  } else {
    result.termination = {.reason = Reason::error, .detail = codes(cbc) + ": Cbc gave up"};
  }
}

}  // namespace espalier::milp
