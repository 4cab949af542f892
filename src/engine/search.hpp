// The ways to search: each gives a claim, and shows every point on its way to the recorder.
#pragma once
#include <memory>
#include <optional>

#include "engine/recorder.hpp"
#include "espalier/base/budget.hpp"
#include "espalier/engine/result.hpp"
#include "espalier/engine/settings.hpp"
#include "espalier/milp/solver.hpp"
#include "espalier/problem/problem.hpp"

namespace espalier::engine {

/// What every search needs. The region is the problem's; `embedded` is what is searched, in the units of nn::rescale. All
/// that a search computes and claims is in these units; what leaves it is in those of the network that is asked about.
struct SearchContext {
  const problem::Problem& problem;
  const nn::Network& embedded;
  const nn::Objective& objective;  ///< of `embedded`, in its units
  const SolveSettings& settings;
  const problem::Region& region;
  const base::Stopwatch& watch;  ///< started with the bounds
  Recorder& recorder;
  SolveResult& result;  ///< the search fills times, sizes and counts; the recorder what comes from incumbents
  /// A feasible input from an earlier search; with it the setting `start` does not matter.
  std::optional<Eigen::VectorXd> known = {};
  /// How far the margin of `embedded` may be, on the region, from that of the network which is asked about, in units of the former (see
  /// SolveSettings::compress and nn::Rescaled).
  double deviation = 0;
  double unit = 1;         ///< a margin of 1 of `embedded` is this much of the network which is asked about; a power of two
  double margin_unit = 1;  ///< absolute tolerances are times this (nn::margin_unit of the problem's network)

  double seconds_left() const;
  /// `share` of the time that is left, less if the caller wants a stop.
  base::Budget budget(double share = 1) const;
  /// Shows an input and the margin that `embedded` is claimed to have there to the recorder.
  milp::CallbackAction see(const Eigen::VectorXd& input, double claimed_margin) const;
  /// An upper bound on the margin of the network which is asked about, from one on that of `embedded`.
  double bound(double of_embedded) const { return unit * (of_embedded + deviation); }
  double absolute_gap() const { return settings.absolute_gap * margin_unit / unit; }
  /// Goal decide: no better margin of `embedded` is of interest.
  double cutoff() const;
  /// The objective of `embedded`, by forward pass.
  double margin(const Eigen::VectorXd& input) const;
};

class Search {
 public:
  virtual ~Search() = default;
  virtual std::string version() const = 0;
  /// Whether what it claims rests on bounds of our own, whose rounding is bounded; an untrusted solver's claims are checked.
  virtual bool proves() const { return false; }
  /// What is claimed of `embedded` in the end. The incumbent's point is an input of the network.
  virtual milp::Result run(const SearchContext& context) const = 0;
};

/// Bounds, formulation and a MILP back end. Throws base::Error(configuration) for unknown names.
std::unique_ptr<Search> make_milp_search(const SolveSettings& settings);
/// The attack alone: proves nothing.
std::unique_ptr<Search> make_attack_search();
/// Branch and bound on ReLU phases, after the attack.
std::unique_ptr<Search> make_bab_search();

/// Runs the attack for up to `share` of the time that is left, shows every improvement to the recorder and adds its time to attack_seconds.
milp::Result attack(const SearchContext& context, double share = 1);

/// Adds a word to result.cut_short.
void note_cut_short(std::string_view what, SolveResult& result);

/// Of the time that is left, for what comes before a search.
inline constexpr double attack_share = 0.25, bounds_share = 0.5;

/// The bounds of context.embedded within their share of the time; fills the result's counts of neurons.
bounds::Bounds bound(const bounds::BoundsMethod& method, const SearchContext& context);

}  // namespace espalier::engine
