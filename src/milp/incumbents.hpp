// What every back end does with the points its solver finds: check, keep the best, tell the caller once, remember the wish to stop.
#pragma once
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "espalier/base/clock.hpp"
#include "espalier/milp/solver.hpp"

namespace espalier::milp {

/// A point that violates a bound, row or integrality by more than this is not taken as an incumbent.
inline constexpr double incumbent_tolerance = 1e-5;
/// The caller's start must be better than this.
inline constexpr double start_tolerance = 1e-6;

/// A claimed value and one that a point has are equal up to what that point may violate the model by, and to the digits of a file.
inline bool claims_agree(double claimed, double value) { return std::abs(claimed - value) <= incumbent_tolerance * (1 + std::abs(value)); }

/// True if `a` is strictly better than `b`.
inline bool better(Sense sense, double a, double b) { return sense == Sense::maximise ? a > b : a < b; }
/// The value that every point is better than.
inline double worst_value(Sense sense) { return sense == Sense::maximise ? -infinity : infinity; }

class IncumbentRecorder {
 public:
  IncumbentRecorder(const Model& model, const SolveOptions& options) : model_(model), options_(options) {}

  enum class Verdict { improved, repeated, rejected };
  /// Objective and violation are recomputed from x. A point that is strictly better than the best so far and than the cutoff is
  /// kept and reported to the callback; whatever the callback throws is stored and turned into the wish to stop.
  Verdict offer(std::vector<double> x) noexcept;

  /// Sticky: the callback returned stop or threw, or options.stop_requested said so once. Never throws.
  bool stop_wanted() noexcept;

  const std::optional<Incumbent>& best() const { return best_; }
  const base::Stopwatch& watch() const { return watch_; }
  /// Sentence about what the caller's function threw, or "".
  const std::string& error() const { return error_; }
  /// Sentence about the worst point that was refused, or "".
  const std::string& rejection() const { return rejection_; }
  /// Objective of the best refused point, in the model's sense.
  const std::optional<double>& rejected_objective() const { return rejected_objective_; }

 private:
  Verdict offer_checked(std::vector<double> x);
  void reject(double objective, double violation);

  const Model& model_;
  const SolveOptions& options_;
  base::Stopwatch watch_;
  std::optional<Incumbent> best_;
  bool stop_ = false;
  std::string error_;
  std::string rejection_;
  std::optional<double> rejected_objective_;
  double worst_violation_ = 0;
};

/// reason stopped or error, if the recorder has a wish to stop or an error; else nothing.
std::optional<Termination> caller_termination(const IncumbentRecorder& recorder, bool stop_wanted);

}  // namespace espalier::milp
