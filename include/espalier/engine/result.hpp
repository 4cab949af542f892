// What a solve gives back. What the solver claims and what a forward pass verified are different fields.
// Symbols: src/NOTATION.md.
#pragma once
#include <Eigen/Core>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "espalier/base/words.hpp"
#include "espalier/bounds/bounds.hpp"
#include "espalier/embed/embed.hpp"
#include "espalier/milp/solver.hpp"
#include "espalier/reduce/compress.hpp"

namespace espalier::engine {

enum class Status {
  /// Goal optimize on the problem's own network: the margin m verified at `input` is the maximum, by bounds of our own, which are above it
  /// by
  /// at most max(u absolute_gap, relative_gap |m|) + 1e-5 (u + |m|), with u = nn::margin_unit.
  optimal,
  adversarial,  ///< a verified adversarial input ended the solve, or, on a surrogate, was found
  robust,       ///< goal decide on the problem's own network: no adversarial input exists, by bounds of our own
  /// A MILP solver claims to have proved optimal or robust, and our own bounds did not come that far (see confirm()). Not decided.
  optimal_claimed,
  robust_claimed,
  /// The surrogate was solved to the end, as its solver claims, without a verified adversarial input. Not checked, since it says nothing
  /// about the dense network.
  surrogate_solved,
  limit,  ///< a limit or the caller's stop request came first
  error,  ///< detail says why; nothing in the result may be trusted beyond the verified fields
};
[[nodiscard]] base::Words<Status> words(Status);
[[nodiscard]] std::string_view to_string(Status status);

/// One incumbent of the embedded network's MILP, evaluated on the dense network.
struct IncumbentRecord {
  double seconds = 0;              ///< wall time since the start of the bounds
  double surrogate_objective = 0;  ///< claimed margin of the embedded network
  double dense_margin = 0;         ///< verified margin of the dense network, float64
  bool adversarial = false;
};

/// What left the searched network before the search, and why it could.
struct CompressionRecord {
  std::vector<reduce::CompressedLayer> layers;  ///< by hidden layer of the network as it was
  bounds::Bounds proof;                         ///< of its pre-activations over the region
  double smallest_slack = milp::infinity;       ///< see reduce::Compression; each neuron in its own unit (nn::rescale)
  double deviation = 0;                         ///< of the margin: how far it is at most, on the region, from that of the network as it was
};

/// The dual bound at a time.
struct BoundRecord {
  double seconds = 0;  ///< wall time since the start of the bounds
  double bound = 0;    ///< claimed upper bound on the margin of the embedded network
};

struct SolveResult {
  Status status = Status::error;
  /// Why it ended: a word of milp::Reason ("optimal", "limit", "stopped", "error", ...), or one of
  /// "success" (a verified adversarial input ended it), "bound_below_zero" (robust), "undecided" (the maximum is within tolerance of 0),
  /// "gap_open" (all is searched, but with a bound too far above the verified objective to call that the maximum, and the check, if there
  /// was time for one, did not close the gap), "claim_refuted" (a forward pass contradicts the solver), "unconfirmed" (optimal_claimed,
  /// robust_claimed).
  std::string reason;
  /// milp::Limit in a word: "time", "nodes", ...; "none" if no limit was met. Of optimal_claimed and robust_claimed: that of the check.
  std::string limit;
  std::string detail;  ///< in words
  /// What had a share of the time limit and was ended by it before the search: "attack", "bounds", "surrogate", several joined by "+";
  /// "none". What came after, whatever ended it, then depends on the machine's speed.
  std::string cut_short = "none";

  /// The network of claimed_objective, dual_bound, size and neurons is the problem's own: no surrogate, or surrogate_then_dense reached it.
  bool dense = true;
  std::optional<double> claimed_objective;   ///< the solver's last incumbent: margin of the embedded network
  std::optional<double> verified_objective;  ///< dense margin at `input`, float64; that of the clean input at least
  std::optional<double> verified_objective_float32;
  std::optional<double> distance;      ///< ||input - x0|| in the region's norm
  std::optional<bool> class_changed;   ///< arg max D(input) != arg max D(x0)
  double dual_bound = milp::infinity;  ///< claimed upper bound on the embedded network's maximum; +infinity if there is none

  std::string proved_by = "none";  ///< optimal, robust: "bounds" (of the root alone) or "bab" (branch and bound); else "none"
  double proof_seconds = 0;        ///< wall, after total_seconds: what the check of the claim took (check_share), successful or not
  std::optional<double>
      proved_bound;  ///< upper bound on the margin of the problem's own network, by our own bounds; absent if there is none

  bool clean_input_misclassified =
      false;  ///< the clean image itself has a positive dense margin (possible with label_source surrogate only)
  std::optional<double> first_adversarial_seconds;      ///< wall time from the start of the bounds to the first verified adversarial input
  std::optional<double> first_adversarial_cpu_seconds;  ///< CPU time of the process until then
  std::int64_t incumbents = 0;                          ///< distinct ones
  std::int64_t nodes = 0;
  std::int64_t iterations = 0;  ///< of the simplex method; steps of the attack; rows that bab propagated

  double bounds_seconds = 0;  ///< wall; the parts of total_seconds
  double embed_seconds = 0;
  double solver_seconds = 0;
  double total_seconds = 0;
  double cpu_seconds = 0;        ///< of the process, for all of that
  double attack_seconds = 0;     ///< part of solver_seconds
  double surrogate_seconds = 0;  ///< of total_seconds, what protocol surrogate_then_dense spent before it turned to the dense network

  /// Only with setting compress; claimed_objective, size and neurons then belong to the compressed network, dual_bound to the one as it
  /// was.
  std::optional<CompressionRecord> compression;
  embed::ModelSize size;
  bounds::ReluCounts neurons;
  std::vector<std::int64_t> unstable_by_layer;  ///< neurons whose sign the bounds leave open, first hidden layer to last
  std::string solver_version;

  std::optional<Eigen::VectorXd> input;              ///< the feasible input of the largest dense margin that was seen
  std::optional<Eigen::VectorXd> adversarial_input;  ///< the first verified adversarial input
  std::vector<IncumbentRecord> trace;                ///< in time order
  std::vector<BoundRecord> bound_trace;  ///< every improvement, in time order; solver bab only; of the network that `dense` tells
};

}  // namespace espalier::engine
