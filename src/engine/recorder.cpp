#include "engine/recorder.hpp"

namespace espalier::engine {

milp::CallbackAction Recorder::see(const Eigen::VectorXd& input, double claimed_objective) {
  // Solvers report one point several times, and several points may share an input.
  const base::Digest key = base::Hasher().add_bytes(input.data(), static_cast<std::size_t>(input.size()) * sizeof(double)).finish();
  if (seen_.insert(key).second) {
    const certify::Verified verified = verifier_.verify({.input = input, .objective = claimed_objective});
    const IncumbentRecord record{.seconds = watch_.wall_seconds(),
                                 .surrogate_objective = claimed_objective,
                                 .dense_margin = verified.margin(),
                                 .adversarial = verified.adversarial()};
    if (verified.adversarial() && !success()) {
      result_.adversarial_input = verified.input();
      result_.first_adversarial_seconds = record.seconds;
      result_.first_adversarial_cpu_seconds = watch_.cpu_seconds();
    }
    keep_if_best(verified);
    result_.trace.push_back(record);
    ++result_.incumbents;
    notify();
  }
  return finished() ? milp::CallbackAction::stop : milp::CallbackAction::proceed;
}

void Recorder::begin(const certify::Verified& clean_input) {
  keep_if_best(clean_input);
  notify();
}

void Recorder::publish(double dual_bound) {
  result_.dual_bound = dual_bound;
  notify();
}

void Recorder::notify() const {
  if (!settings_.on_incumbent) return;
  SolveResult result = result_;
  result.status = Status::limit;
  result.reason = "running";
  result.limit = "none";
  if (!result.trace.empty()) result.claimed_objective = result.trace.back().surrogate_objective;
  result.total_seconds = watch_.wall_seconds();
  result.cpu_seconds = watch_.cpu_seconds();
  result.solver_seconds = result.total_seconds - result.bounds_seconds - result.embed_seconds;
  settings_.on_incumbent(result);
}

void Recorder::keep_if_best(const certify::Verified& verified) {
  if (result_.verified_objective && !(verified.margin() > *result_.verified_objective)) return;
  result_.verified_objective = verified.margin();
  result_.verified_objective_float32 = verified.margin_float32();
  result_.distance = verified.distance();
  result_.class_changed = verified.class_changed();
  result_.input = verified.input();
}

}  // namespace espalier::engine
