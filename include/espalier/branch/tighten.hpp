// All kinds of bounds by name, and those of hidden neurons from searches: "obbt-lp" and "obbt-mip".
// Symbols: src/NOTATION.md.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "espalier/base/budget.hpp"
#include "espalier/bounds/bounds.hpp"

namespace espalier::branch {

struct TighteningOptions {
  std::int64_t nodes = 32;       ///< of branch and bound, for each bound; 0: linear programs instead
  std::int64_t node_limit = -1;  ///< of all bounds together, passed by at most one batch of branch::run; -1: none
  base::Budget budget = {};
};

/// Layer by layer from the second one, bounds::renew and then, for each neuron whose sign is still open, its maximum and its minimum over
/// the network up to it: branch::run on that network to a gap of 1 % or 1e-3, or the linear program of the triangle relaxation,
/// warm-started from the neuron before. Either way what counts is the bound evaluated by propagation from dual values, with its rounding
/// bounded, so that Clp is a witness that need not be trusted. `bounds` must be valid, gets no looser, and is valid whenever the budget is
/// spent, which clears bounds.complete. Returns how many nodes were bounded, or programs solved.
/// Throws base::Error(data) for linear programs over a region that is no polytope.
std::int64_t tighten(const nn::Network& network, const problem::Region& region, const TighteningOptions& options, bounds::Bounds& bounds);

/// Every kind of bounds by its name: "interval-box", "interval", "crown" and "alpha-crown" of bounds (each never looser than the one
/// before) and, both over "alpha-crown" and never looser: "obbt-lp":  progressive, two warm-started linear programs per neuron whose sign
/// is open; "obbt-mip": the same with the phases of the layers before it decided by branch and bound, 32 nodes a bound. Throws
/// base::Error(configuration) naming the methods there are.
[[nodiscard]] std::unique_ptr<bounds::BoundsMethod> make_bounds_method(const std::string& name);
[[nodiscard]] std::vector<std::string> bounds_method_names();

}  // namespace espalier::branch
