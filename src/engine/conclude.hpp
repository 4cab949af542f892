// From what the solver claims and what was verified to a status.
#pragma once
#include <string_view>

#include "espalier/engine/result.hpp"
#include "espalier/engine/settings.hpp"

namespace espalier::engine {

/// The decide mode's cutoff: just below 0, so that "nothing is better than the cutoff" bounds the maximum below 0, strictly. Like the
/// other absolute tolerance here, times the margin unit (nn::margin_unit).
inline constexpr double decide_cutoff = -1e-6;

/// A claimed and a verified value agree when |claimed - verified| <= this * (margin_unit + |verified|).
inline constexpr double agreement_tolerance = 1e-5;
bool agree(double claimed, double verified, double margin_unit);

/// A verified margin v is called the maximum only beside an upper bound of at most
/// v + max(u absolute_gap, relative_gap |v|) + agreement_tolerance (u + |v|), with the margin unit u: this.
double largest_bound_of_optimum(double verified, const SolveSettings& settings, double margin_unit);
/// The reason of a search that ended with a larger bound: status limit, limit "tolerance".
inline constexpr std::string_view gap_open = "gap_open";

/// What is known at the end of a solve.
struct Evidence {
  const milp::Result& claimed;
  const SolveSettings& settings;
  bool stopped_by_success = false;
  /// Margin of the embedded network at the last incumbent's input, by forward pass.
  std::optional<double> embedded_margin;
  double margin_unit = 1;
};

/// Sets status, reason, limit, detail and dual_bound; the fields filled by the recorder must be there.
void conclude(const Evidence& evidence, SolveResult& result);

}  // namespace espalier::engine
