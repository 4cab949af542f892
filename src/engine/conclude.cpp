#include "engine/conclude.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "espalier/certify/certify.hpp"

namespace espalier::engine {
namespace {

using milp::Limit;
using milp::Reason;

void refute(SolveResult& result, const std::string& why) {
  result.status = Status::error;
  result.reason = "claim_refuted";
  result.detail = why + "; the solver said: " + result.detail;
}

/// A bound below a value that a forward pass attains is a proof of error, whatever the status.
bool bound_is_refuted(const Evidence& evidence, const SolveResult& result) {
  return result.dense && result.verified_objective && !(result.dual_bound >= *result.verified_objective) &&
         !agree(result.dual_bound, *result.verified_objective, evidence.margin_unit);
}

void conclude_robust(SolveResult& result) {
  result.status = Status::robust;
  result.reason = "bound_below_zero";
  result.limit = to_string(Limit::none);
}

/// Exact compression, the tolerances of a solver and rounding raise a bound as well; beyond what is allowed it proves no optimum.
void conclude_maximum(const Evidence& evidence, SolveResult& result) {
  const double largest = largest_bound_of_optimum(*result.verified_objective, evidence.settings, evidence.margin_unit);
  if (result.dual_bound <= largest) {
    result.status = Status::optimal;
    return;
  }
  result.status = Status::limit;
  result.reason = gap_open;
  result.limit = to_string(Limit::tolerance);
  result.detail = fmt::format("all is searched, but the bound {:.9g} is above {:.9g}, which would prove the maximum {:.9g}; {}",
                              result.dual_bound, largest, *result.verified_objective, result.detail);
}

void conclude_optimal(const Evidence& evidence, SolveResult& result) {
  if (!agree(evidence.claimed.incumbent->objective, *evidence.embedded_margin, evidence.margin_unit)) {
    refute(result, fmt::format("claimed optimum {:.9g}, but a forward pass at its input gives {:.9g}",
                               evidence.claimed.incumbent->objective, *evidence.embedded_margin));
  } else if (!result.dense) {
    result.status = result.adversarial_input ? Status::adversarial : Status::surrogate_solved;
  } else if (evidence.settings.goal == Goal::optimize) {
    conclude_maximum(evidence, result);
  } else if (result.dual_bound < 0) {
    conclude_robust(result);
  } else {
    // Between the cutoff and the threshold of certify: the sign is not decided by float64 arithmetic with tolerances.
    result.status = Status::limit;
    result.reason = "undecided";
    result.detail = fmt::format("the maximum {:.3g} is within tolerance of 0; ", evidence.claimed.incumbent->objective) + result.detail;
  }
}

void conclude_early(const Evidence& evidence, SolveResult& result) {
  if (result.dense && evidence.settings.goal == Goal::decide && result.dual_bound < 0) {
    conclude_robust(result);
  } else if (!result.dense && result.adversarial_input) {
    result.status = Status::adversarial;
  } else {
    result.status = Status::limit;
  }
}

}  // namespace

bool agree(double claimed, double verified, double margin_unit) {
  return std::abs(claimed - verified) <= agreement_tolerance * (margin_unit + std::abs(verified));
}

double largest_bound_of_optimum(double verified, const SolveSettings& settings, double margin_unit) {
  const double gap = std::max(margin_unit * settings.absolute_gap, settings.relative_gap * std::abs(verified));
  return verified + gap + agreement_tolerance * (margin_unit + std::abs(verified));
}

void conclude(const Evidence& evidence, SolveResult& result) {
  const milp::Termination& termination = evidence.claimed.termination;
  result.reason = to_string(termination.reason);
  result.limit = to_string(termination.limit);
  result.detail = termination.detail;
  result.dual_bound = evidence.claimed.dual_bound;
  if (evidence.claimed.incumbent) result.claimed_objective = evidence.claimed.incumbent->objective;

  if (termination.reason == Reason::error || termination.reason == Reason::unbounded) {
    result.status = Status::error;
  } else if (evidence.stopped_by_success) {
    result.status = Status::adversarial;
    result.reason = "success";
  } else if (termination.reason == Reason::optimal) {
    conclude_optimal(evidence, result);
  } else if (termination.reason == Reason::infeasible) {
    refute(result, "claimed infeasible, but the clean input is a feasible point");
  } else {
    conclude_early(evidence, result);
  }
  if (result.status != Status::error && bound_is_refuted(evidence, result)) {
    refute(result, fmt::format("claimed bound {:.9g}, but a forward pass attains {:.9g}", result.dual_bound, *result.verified_objective));
  }
}

}  // namespace espalier::engine
