// Algorithm 1's callback: every incumbent of the embedded network is evaluated on the dense one.
#pragma once
#include <Eigen/Core>
#include <optional>
#include <set>

#include "espalier/base/clock.hpp"
#include "espalier/base/hash.hpp"
#include "espalier/certify/certify.hpp"
#include "espalier/engine/result.hpp"
#include "espalier/engine/settings.hpp"

namespace espalier::engine {

/// Fills the parts of a SolveResult that come from incumbents. Keeps references to all it is given.
class Recorder {
 public:
  Recorder(const certify::Verifier& verifier, const SolveSettings& settings, const base::Stopwatch& watch, SolveResult& result)
      : verifier_(verifier), settings_(settings), watch_(watch), result_(result) {}

  /// Verifies an input and records it, once per distinct input.
  milp::CallbackAction see(const Eigen::VectorXd& input, double claimed_objective);

  /// The clean input's margin counts as seen, but is no incumbent.
  void begin(const certify::Verified& clean_input);
  /// Tells the caller what is known before a phase that may have to be killed.
  void publish(double dual_bound);

  bool success() const { return result_.adversarial_input.has_value(); }
  /// A success ends the solve.
  bool finished() const { return success() && (settings_.on_success == OnSuccess::stop || settings_.goal == Goal::decide); }

 private:
  void notify() const;
  void keep_if_best(const certify::Verified& verified);

  const certify::Verifier& verifier_;
  const SolveSettings& settings_;
  const base::Stopwatch& watch_;
  SolveResult& result_;
  std::set<base::Digest> seen_;
};

}  // namespace espalier::engine
