// Geometry of the feasible inputs, B = { x : lower <= x <= upper, ||x - x0||_1 <= radius }.
// Symbols: src/NOTATION.md.
#pragma once
#include <Eigen/Core>
#include <limits>
#include <string_view>

#include "espalier/base/words.hpp"

namespace espalier::problem {

/// What limits the distance from the clean input, beside the box.
enum class Norm {
  l1,    ///< sum of the changes
  linf,  ///< largest change
  none,  ///< the box alone; lengths are then counted as those of l1
};
base::Words<Norm> words(Norm);

/// ||x - x0||, in float64.
double distance(Norm norm, const Eigen::Ref<const Eigen::VectorXd>& x, const Eigen::Ref<const Eigen::VectorXd>& centre);

/// lower <= x <= upper, entrywise; finite.
struct Box {
  Eigen::VectorXd lower;
  Eigen::VectorXd upper;
};
/// [0,1]^n
Box unit_box(Eigen::Index dimension);

/// A box cut with an L1 ball. An L-infinity ball is a smaller box. Make it by the functions below: lower <= centre <= upper, radius > 0.
struct Region {
  Eigen::VectorXd centre;
  Box box;
  double radius = std::numeric_limits<double>::infinity();  ///< of the L1 ball; infinite: the box alone

  Eigen::Index dimension() const { return centre.size(); }
  bool has_budget() const { return radius < std::numeric_limits<double>::infinity(); }
};

/// { x in box : ||x - centre|| <= radius }, a ball of `norm` cut with the box. With norm none `radius` counts for nothing.
Region make_region(Norm norm, Eigen::VectorXd centre, double radius, Box box);
/// { x in [0,1]^n : ||x - centre||_1 <= radius }
Region l1_region(Eigen::VectorXd centre, double radius);
/// The box alone, around its middle.
Region box_region(Box box);

/// By input: the largest of |lower|, |upper| and upper - lower, for bounds on rounding. 1 in [0,1]^n.
Eigen::VectorXd magnitude(const Box& box);

/// x in B up to `tolerance`: every entry in [lower - tolerance, upper + tolerance] and ||x - x0||_1 <= radius * (1 + tolerance).
bool contains(const Region& region, const Eigen::Ref<const Eigen::VectorXd>& x, double tolerance = 0);

struct LinearMaximum {
  double value = 0;           ///< max of w.(x - x0) over B: add w.x0 for the maximum of w.x
  Eigen::VectorXd maximiser;  ///< an x in B that attains it
};
/// max over x in B of w.(x - x0), exactly (up to rounding): a fractional knapsack. Moving input k in the direction of sign(w_k) gains |w_k|
/// per unit and has room upper_k - x0_k (w_k > 0) or x0_k - lower_k (w_k < 0); the budget is spent greedily by descending |w_k|, ties by
/// index. O(n) on average; for many w on one region see LinearMaximiser.
LinearMaximum maximise_linear(const Region& region, const Eigen::Ref<const Eigen::VectorXd>& w);

/// Euclidean projection: argmin ||z - x||_2 over z in B. Exact up to rounding: z = x0 + sign(d) min(room, max(0, |d| - t)) with d = x - x0
/// and the smallest t >= 0 that meets the budget, found over the sorted break points. O(n log n).
Eigen::VectorXd project(const Region& region, const Eigen::Ref<const Eigen::VectorXd>& x);

/// Cheap repair of a point that is in B up to a solver's tolerances: clip to the box, then, if ||x - x0||_1 > radius * (1 + 1e-6), scale
/// towards x0 until it equals the radius. The result is in the box, which is convex and has x0 in it. (Method, section 7, "x hygiene".)
Eigen::VectorXd repair(const Region& region, const Eigen::Ref<const Eigen::VectorXd>& x);

}  // namespace espalier::problem
