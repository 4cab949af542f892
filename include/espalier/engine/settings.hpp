// What a caller of the engine may choose.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "espalier/base/words.hpp"
#include "espalier/milp/solver.hpp"

namespace espalier::engine {

struct SolveResult;

enum class Goal {
  optimize,  ///< wants the maximum of the margin
  decide,    ///< wants its sign only: stops at the first verified adversarial input, or when the bound is below 0
};
enum class OnSuccess {
  stop,   ///< Algorithm 1 of P2 as written: end at the first verified adversarial input
  go_on,  ///< "continue": record the first success and go on to the end or the limit (what P2's code does)
};
enum class Start {
  none,
  clean_input,  ///< the forward pass of x0 is given to the solver as a feasible point
  attack,       ///< the best point that the attack finds, which is run first
};

enum class Protocol {
  surrogate,             ///< Algorithm 1 of P2: when the surrogate is solved, that is the end
  surrogate_then_dense,  ///< then the dense network, from the best point that was seen: the answer is as exact as without a surrogate
};

[[nodiscard]] base::Words<Goal> words(Goal);            ///< "optimize", "decide"
[[nodiscard]] base::Words<OnSuccess> words(OnSuccess);  ///< "stop", "continue"
[[nodiscard]] base::Words<Start> words(Start);          ///< "none", "clean_input", "attack"
[[nodiscard]] base::Words<Protocol> words(Protocol);    ///< "surrogate", "surrogate-then-dense"
[[nodiscard]] std::string_view to_string(Goal goal);
[[nodiscard]] std::string_view to_string(OnSuccess on_success);
[[nodiscard]] std::string_view to_string(Start start);
[[nodiscard]] std::string_view to_string(Protocol protocol);

struct SolveSettings {
  /// A back end (milp::make_solver); or "bab": branch and bound on ReLU phases (branch::run) over alpha-crown bounds, after an attack,
  /// to a relative gap of 1e-6 or relative_gap if that is larger (formulation, bounds and start do not matter to it); or "attack": the
  /// search for adversarial inputs alone, which proves nothing; formulation, bounds, start, node limit and gaps do not matter to it.
  std::string solver = "bab";
  std::string formulation = "big-m";  ///< embed::make_formulation
  std::string bounds = "interval";    ///< branch::make_bounds_method
  Goal goal = Goal::optimize;
  OnSuccess on_success = OnSuccess::go_on;  ///< Algorithm 1: set stop. With goal decide a success always stops.
  Start start = Start::clean_input;
  /// With surrogate_then_dense the surrogate gets at most half of the time limit, and each of the two searches the whole node limit.
  /// Without a surrogate both are the same.
  Protocol protocol = Protocol::surrogate;
  /// What `bounds` prove to be off or linear over the region leaves each network before it is searched (reduce::compress). The answers are
  /// those of the network as it was: bounds on its margin are raised by how far float32 may have moved the smaller one's. Not for "attack".
  bool compress = false;
  /// Wall time of the whole solve: attack, bounds, model building, solver and check together; 0 is legal. The attack before a search gets
  /// at most a quarter of what is left, the bounds half of what is left then; a search goes on with what they have
  /// (SolveResult::cut_short).
  double time_limit_seconds = milp::infinity;
  /// What a MILP solver says of the problem's own network is optimal or robust only if bounds of our own agree, and an optimum of the
  /// network that `compress` left, whose rounding raises the bound too far, only if they close the gap on the network as it was. They get,
  /// of what is left of the time limit, this share of the time that the solve took, or 5 s if that is more; 0: no check, and such an answer
  /// stays a claim.
  double check_share = 0.5;
  std::int64_t node_limit = -1;  ///< -1: none. Results under a node limit alone are reproducible, under a time limit they are not.
  double relative_gap = 0;
  double absolute_gap = 1e-9;  ///< in nn::margin_unit: of the margin itself, for ordinary networks
  /// Of the process, 0: none. The nodes of bab that wait may fill half of it, 4096 MiB without a limit; then it ends with limit
  /// "memory".
  double memory_limit_mib = 0;
  std::uint64_t seed = 0;
  std::filesystem::path log_file;        ///< the solver's own output; empty: nowhere
  std::function<bool()> stop_requested;  ///< polled; may be empty
  /// Told of the result so far, with status limit and reason "running": first with the clean input's margin, then after every incumbent's
  /// verification (it is trace.back()), and when the bounds are there. May be empty; must not throw.
  std::function<void(const SolveResult&)> on_incumbent;
};

}  // namespace espalier::engine
