// Pre-activation bounds of a ReLU network over the feasible inputs, and what they say about each neuron.
// Symbols: src/NOTATION.md.
#pragma once
#include <Eigen/Core>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "espalier/base/budget.hpp"
#include "espalier/nn/network.hpp"
#include "espalier/nn/objective.hpp"
#include "espalier/problem/region.hpp"

namespace espalier::bounds {

/// lower <= W_k h_k + b_k <= upper, entrywise, for every feasible input.
struct LayerBounds {
  Eigen::VectorXd lower;
  Eigen::VectorXd upper;
};

/// One element per layer, as in nn::pre_activations; the last one bounds the logits.
struct Bounds {
  std::vector<LayerBounds> layers;
  /// False: a budget was spent before the method was through. The bounds are valid, but depend on the machine's speed.
  bool complete = true;
};

/// Throws base::Error saying "<who>: ..., expected ..., found ...": data when the numbers of layers or neurons are not the network's,
/// numeric when a bound is not finite or a lower one is above its upper one. Users of bounds call it; equal bounds, and any sign, are
/// legal.
void check(const Bounds& bounds, const nn::Network& network, const std::string& who);

/// A way to compute bounds. The result contains the pre-activations of the network in real arithmetic and in float64 in any order of
/// summation, for every x in the region: every sum of m terms is padded outward by 2 (m + 2) 2^-53 times the sum of its terms' largest
/// magnitudes (for crown and alpha-crown see Propagation).
class BoundsMethod {
 public:
  virtual ~BoundsMethod() = default;
  [[nodiscard]] virtual std::string name() const = 0;
  /// Valid and finished soon after the budget is spent, whenever that is: what the method has not come to has the bounds of the kind below
  /// it, at worst those of "interval-box", which are always complete. Throws base::Error(data) when the region's dimension is not the
  /// network's number of inputs.
  [[nodiscard]] Bounds compute(const nn::Network& network, const problem::Region& region, const base::Budget& budget = {}) const;

 private:
  [[nodiscard]] virtual Bounds do_compute(const nn::Network& network, const problem::Region& region, const base::Budget& budget) const = 0;
};

/// "interval-box": interval arithmetic from the box, ignoring the L1 budget (what P2 used).
/// "interval":  exact first-layer bounds over the region (fractional knapsack), interval arithmetic afterwards.
/// "crown": backward linear propagation (CROWN, Zhang et al. 2018; DeepPoly, Singh et al. 2019) from every neuron with the exact maximum
///         over the region at its end, intersected with intervals over the tightened layer before.
/// "alpha-crown": the same with lower slopes optimised for every bound of an unstable neuron and of the logits (alpha-CROWN, Xu et al.
///         2021; 20 steps of projected Adam), intersected with "crown".
/// Each is, entrywise, never looser than the one before it. By name, and with those that search: branch::make_bounds_method.
[[nodiscard]] std::unique_ptr<BoundsMethod> make_interval_box();
[[nodiscard]] std::unique_ptr<BoundsMethod> make_interval();
[[nodiscard]] std::unique_ptr<BoundsMethod> make_crown();
[[nodiscard]] std::unique_ptr<BoundsMethod> make_alpha_crown();

/// Intersects the bounds of `layer` >= 1 with what "alpha-crown" makes of the bounds of the layers before it, wherever those come from.
/// Clears bounds.complete if the budget is spent first.
void renew(const nn::Network& network, const problem::Region& region, std::size_t layer, const base::Budget& budget, Bounds& bounds);

/// What bounds of the logits say of the objective's functions, by interval arithmetic, padded outward as every sum.
[[nodiscard]] LayerBounds function_bounds(const Bounds& bounds, const nn::Objective& objective);
/// The largest margin that they allow.
[[nodiscard]] double largest_margin(const Bounds& bounds, const nn::Objective& objective);

/// What bounds l, u on a pre-activation g say about h = max(0, g).
enum class ReluCase {
  constant,         ///< l == u: h = max(0, l) (a neuron without weights, for one)
  stably_inactive,  ///< u <= 0: h = 0
  stably_active,    ///< l >= 0: h = g
  unstable,         ///< l < 0 < u: h needs a binary
};
[[nodiscard]] std::string_view to_string(ReluCase relu_case);
[[nodiscard]] ReluCase classify(double lower, double upper);

struct ReluCounts {
  std::int64_t constant = 0;
  std::int64_t stably_inactive = 0;
  std::int64_t stably_active = 0;
  std::int64_t unstable = 0;
};
/// Over all hidden layers (the output layer has no ReLU).
[[nodiscard]] ReluCounts count_relu_cases(const Bounds& bounds);
/// Unstable neurons of each hidden layer, first to last.
[[nodiscard]] std::vector<std::int64_t> unstable_by_layer(const Bounds& bounds);

}  // namespace espalier::bounds
