// Nothing negative is believed of a MILP solver: "there is no better input" is checked by bounds of our own.
#pragma once
#include <Eigen/Core>
#include <functional>
#include <optional>

#include "engine/recorder.hpp"
#include "espalier/engine/result.hpp"
#include "espalier/engine/settings.hpp"

namespace espalier::engine {

/// Solves the problem's own network by branch and bound of our own, with the given settings, from a known feasible input.
using Prove = std::function<SolveResult(const SolveSettings& settings, const std::optional<Eigen::VectorXd>& known)>;

/// What a check needs to know of the solve that has ended.
struct Solved {
  const SolveSettings& settings;
  double elapsed_seconds = 0;
  double margin_unit = 1;  ///< nn::margin_unit
  const Prove& prove;
};

/// `result` is the end of a solve of the problem's own network, with status optimal or robust, which stays if `prove` agrees; or with a
/// bound that was left open (gap_open), which then becomes optimal, with the check's bound, and else stays a limit. It agrees if the attack
/// finds nothing better, and its upper bound on the margin is below 0 (robust), or at most largest_bound_of_optimum() of the verified
/// objective (optimal). Else the status becomes robust_claimed or optimal_claimed; or, if a forward pass attains a better value, error with
/// reason claim_refuted, naming both. `prove` shares with the solver the network in the units of nn::rescale and nothing else, and gets
/// max(5 s, check_share elapsed_seconds) of what is left of the time limit; what it met is the result's limit. Sets proved_by,
/// proof_seconds and proved_bound. A check that throws does not agree.
void confirm(const Solved& solved, Recorder& recorder, SolveResult& result);

}  // namespace espalier::engine
