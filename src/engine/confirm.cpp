#include "engine/confirm.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <exception>

#include "engine/conclude.hpp"
#include "espalier/base/clock.hpp"

namespace espalier::engine {
namespace {

/// Of the check, however short the solve was: a solve of a millisecond is worth more than half of one.
constexpr double shortest_check_seconds = 5;

/// What is claimed: no feasible input has a margin above this.
double largest_margin(const Solved& solved, const SolveResult& result) {
  if (result.status == Status::robust) return 0;
  return largest_bound_of_optimum(*result.verified_objective, solved.settings, solved.margin_unit);
}

bool is_proved(Status status, double bound, double largest) { return status == Status::robust ? bound < largest : bound <= largest; }

bool is_beaten(Status status, const SolveResult& check, double largest) {
  return status == Status::robust ? check.adversarial_input.has_value() : check.verified_objective && *check.verified_objective > largest;
}

/// Gaps halfway into the tolerance: the bound has to be nothing but inside.
SolveSettings check_settings(const SolveSettings& settings, double seconds) {
  SolveSettings check{.solver = "bab", .goal = settings.goal, .time_limit_seconds = seconds, .seed = settings.seed};
  check.relative_gap = settings.relative_gap + 0.5 * agreement_tolerance;
  check.absolute_gap = settings.absolute_gap + 0.5 * agreement_tolerance;
  check.memory_limit_mib = settings.memory_limit_mib;
  return check;
}

void refute(const SolveResult& check, Recorder& recorder, SolveResult& result) {
  const std::string claim = result.status == Status::robust
                                ? fmt::format("claimed that no margin is above {:.9g}", result.dual_bound)
                                : fmt::format("claimed optimum {:.9g}", result.claimed_objective.value_or(result.dual_bound));
  recorder.see(*check.input, *check.verified_objective);
  result.status = Status::error;
  result.reason = "claim_refuted";
  result.detail = fmt::format("{}, but the check found an input where a forward pass gives {:.9g}; the solver said: {}", claim,
                              *check.verified_objective, result.detail);
}

bool is_open(const SolveResult& result) { return result.status == Status::limit; }

void leave_as_claim(const std::string& why, SolveResult& result) {
  result.detail += "; not confirmed: " + why;
  if (is_open(result)) return;
  result.status = result.status == Status::robust ? Status::robust_claimed : Status::optimal_claimed;
  result.reason = "unconfirmed";
}

void leave_as_claim(const SolveSettings& settings, const SolveResult& check, SolveResult& result) {
  leave_as_claim(fmt::format("after {:.3g} s and {} nodes our own bound is {:.9g}", result.proof_seconds, check.nodes, check.dual_bound),
                 result);
  if (!is_open(result) || check.limit != to_string(milp::Limit::none)) result.limit = check.limit;
  if (settings.stop_requested && settings.stop_requested()) result.reason = "stopped";
}

/// The search left its bound too far from its optimum, and the check did not.
void close_gap(const SolveResult& check, SolveResult& result) {
  result.status = Status::optimal;
  result.reason = to_string(milp::Reason::optimal);
  result.limit = to_string(milp::Limit::none);
  result.dual_bound = check.dual_bound;
  result.detail += "; the check's bound does";
}

}  // namespace

void confirm(const Solved& solved, Recorder& recorder, SolveResult& result) {
  const SolveSettings& settings = solved.settings;
  const double elapsed = solved.elapsed_seconds;
  if (settings.check_share == 0) return leave_as_claim("no check was asked for", result);
  const double seconds =
      std::min(std::max(shortest_check_seconds, settings.check_share * elapsed), std::max(0.0, settings.time_limit_seconds - elapsed));
  const double largest = largest_margin(solved, result);
  SolveSettings own = check_settings(settings, seconds);
  bool beaten = false;
  own.on_incumbent = [&](const SolveResult& so_far) { beaten = beaten || is_beaten(result.status, so_far, largest); };
  own.stop_requested = [&] { return beaten || (settings.stop_requested && settings.stop_requested()); };
  const base::Stopwatch watch;
  try {
    const SolveResult check = solved.prove(own, result.input);
    result.proof_seconds = watch.wall_seconds();
    if (check.dual_bound < milp::infinity) result.proved_bound = check.dual_bound;
    if (is_beaten(result.status, check, largest)) return refute(check, recorder, result);
    if (!is_proved(result.status, check.dual_bound, largest)) return leave_as_claim(settings, check, result);
    if (is_open(result)) close_gap(check, result);
    result.proved_by = check.nodes > 1 ? "bab" : "bounds";
  } catch (const std::exception& error) {
    result.proof_seconds = watch.wall_seconds();
    leave_as_claim(error.what(), result);
  }
}

}  // namespace espalier::engine
