// Geometry of the feasible inputs, B = { x : lower <= x <= upper, ||x - x0|| <= radius }.
// Symbols: src/NOTATION.md.
#pragma once
#include <Eigen/Core>
#include <limits>
#include <string_view>

#include "espalier/base/words.hpp"

namespace espalier::problem {

/// What limits the distance from the clean input, beside the box.
enum class Norm {
  l1,        ///< sum of the changes
  l2,        ///< Euclidean length of the change
  linf,      ///< largest change
  row_wise,  ///< sum over the image's rows of the largest change in a row: what the code of P2 limits (a norm of the mixed kind L1,inf)
  none,      ///< the box alone; lengths are then counted as those of l1
};
[[nodiscard]] base::Words<Norm> words(Norm);

/// ||x - x0||, in float64. `row_length`: of the image's rows, for row_wise; it divides the number of inputs.
[[nodiscard]] double distance(Norm norm, const Eigen::Ref<const Eigen::VectorXd>& x, const Eigen::Ref<const Eigen::VectorXd>& centre,
                              Eigen::Index row_length = 1);

/// lower <= x <= upper, entrywise; finite.
struct Box {
  Eigen::VectorXd lower;
  Eigen::VectorXd upper;
};
/// [0,1]^n
[[nodiscard]] Box unit_box(Eigen::Index dimension);

/// A box, and a budget: the sum over rows of `row_length` inputs of the largest change in a row is at most `radius`. Rows of length 1 give
/// an L1 ball; an L-infinity ball is a smaller box. Or the change's Euclidean length is at most `radius`. Make it by the functions below:
/// lower <= centre <= upper, radius > 0.
struct Region {
  Eigen::VectorXd centre;
  Box box;
  double radius = std::numeric_limits<double>::infinity();  ///< infinite: the box alone
  Eigen::Index row_length = 1;
  bool euclidean = false;

  [[nodiscard]] Eigen::Index dimension() const { return centre.size(); }
  [[nodiscard]] bool has_budget() const { return radius < std::numeric_limits<double>::infinity(); }
  /// Whether it is a polytope: the rows of a linear program can say it.
  [[nodiscard]] bool is_polytope() const { return !euclidean || !has_budget(); }
};

/// { x in box : ||x - centre|| <= radius }, a ball of `norm` cut with the box. With norm none `radius` counts for
/// nothing, without row_wise `row_length`.
[[nodiscard]] Region make_region(Norm norm, Eigen::VectorXd centre, double radius, Box box, Eigen::Index row_length = 1);
/// { x in [0,1]^n : ||x - centre||_1 <= radius }
[[nodiscard]] Region l1_region(Eigen::VectorXd centre, double radius);
/// The box alone, around its middle.
[[nodiscard]] Region box_region(Box box);

/// By input: the largest of |lower|, |upper| and upper - lower, for bounds on rounding. 1 in [0,1]^n.
[[nodiscard]] Eigen::VectorXd magnitude(const Box& box);

/// What x takes of the budget: the sum over rows of the largest change, or its Euclidean length.
[[nodiscard]] double budget_used(const Region& region, const Eigen::Ref<const Eigen::VectorXd>& x);

/// x in B up to `tolerance`: every entry in [lower - tolerance, upper + tolerance], and at most radius * (1 + tolerance) of the budget.
bool contains(const Region& region, const Eigen::Ref<const Eigen::VectorXd>& x, double tolerance = 0);

struct LinearMaximum {
  double value = 0;           ///< max of w.(x - x0) over B, rounded up by as much as the budget is missed: add w.x0 for that of w.x
  Eigen::VectorXd maximiser;  ///< an x in B that attains it
};
/// max over x in B of w.(x - x0), exactly (up to rounding): a fractional knapsack. Moving input k in the direction of sign(w_k) gains |w_k|
/// per unit and has room upper_k - x0_k (w_k > 0) or x0_k - lower_k (w_k < 0); the budget is spent greedily by descending |w_k|, ties by
/// index. A row gains the sum of |w_k| over its inputs that still have room: that falls as the row's largest change grows, so its pieces
/// are spent on greedily, too. In a Euclidean ball every input moves by min(room, t |w_k|), where t spends the budget. O(n) on average,
/// O(n log n) with rows; for many w on one region see LinearMaximiser.
[[nodiscard]] LinearMaximum maximise_linear(const Region& region, const Eigen::Ref<const Eigen::VectorXd>& w);

/// Euclidean projection: argmin ||z - x||_2 over z in B. Exact up to rounding. Inputs by themselves: z = x0 + sign(d) min(room, max(0, |d|
/// - t)) with d = x - x0 and the smallest t >= 0 that meets the budget, found over the sorted break points, O(n log n). Rows: z = x0 +
/// sign(d) min(room, |d|, t_r), where a price of the budget, found by bisection, gives each row's t_r. Euclidean: z = x0 + sign(d)
/// min(room, t |d|) with the largest t <= 1 that meets the budget.
[[nodiscard]] Eigen::VectorXd project(const Region& region, const Eigen::Ref<const Eigen::VectorXd>& x);

/// Cheap repair of a point that is in B up to a solver's tolerances: clip to the box, then, if it takes more than radius * (1 + 1e-6) of
/// the budget, scale towards x0 until it takes the radius. The result is in the box, which is convex and has x0 in it. (Method, section 7,
/// "x hygiene".)
[[nodiscard]] Eigen::VectorXd repair(const Region& region, const Eigen::Ref<const Eigen::VectorXd>& x);

}  // namespace espalier::problem
