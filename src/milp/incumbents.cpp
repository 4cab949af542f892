#include "milp/incumbents.hpp"

#include <fmt/format.h>

#include <cmath>
#include <exception>

namespace espalier::milp {
namespace {

/// In words, what is being thrown; call it in a catch block.
std::string current_exception_text() {
  try {
    throw;
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "an exception that is no std::exception";
  }
}

}  // namespace

IncumbentRecorder::Verdict IncumbentRecorder::offer(std::vector<double> x) noexcept {
  try {
    return offer_checked(std::move(x));
  } catch (...) {
    error_ = "the incumbent callback threw: " + current_exception_text();
    stop_ = true;
    return Verdict::improved;
  }
}

IncumbentRecorder::Verdict IncumbentRecorder::offer_checked(std::vector<double> x) {
  const double objective = model_.objective_value(x);
  if (std::isnan(objective)) return Verdict::repeated;  // better than nothing it is not either
  if (best_ && !better(model_.sense(), objective, best_->objective)) return Verdict::repeated;
  if (options_.cutoff && !better(model_.sense(), objective, *options_.cutoff)) return Verdict::repeated;
  const double violation = model_.violation(x);
  if (!(violation <= incumbent_tolerance)) {
    reject(objective, violation);
    return Verdict::rejected;
  }
  best_ = Incumbent{.objective = objective, .x = std::move(x), .seconds = watch_.wall_seconds()};
  if (options_.on_incumbent && !stop_ && options_.on_incumbent(*best_) == CallbackAction::stop) stop_ = true;
  return Verdict::improved;
}

void IncumbentRecorder::reject(double objective, double violation) {
  if (!rejected_objective_ || better(model_.sense(), objective, *rejected_objective_)) rejected_objective_ = objective;
  if (violation <= worst_violation_) return;
  worst_violation_ = violation;
  rejection_ = fmt::format("a point of objective {:.9g} was refused: it violates the model by {:.3g}, at most {:.0e} is accepted",
                           objective, violation, incumbent_tolerance);
}

bool IncumbentRecorder::stop_wanted() noexcept {
  if (stop_ || !options_.stop_requested) return stop_;
  try {
    stop_ = options_.stop_requested();
  } catch (...) {
    error_ = "stop_requested threw: " + current_exception_text();
    stop_ = true;
  }
  return stop_;
}

std::optional<Termination> caller_termination(const IncumbentRecorder& recorder, bool stop_wanted) {
  if (!recorder.error().empty()) return Termination{.reason = Reason::error, .detail = recorder.error()};
  if (stop_wanted) return Termination{.reason = Reason::stopped, .detail = "stopped by the caller"};
  return std::nullopt;
}

}  // namespace espalier::milp
