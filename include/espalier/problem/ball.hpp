// Geometry of the feasible inputs  B = { x in [0,1]^n : ||x - x0||_1 <= epsilon }.
// Symbols: src/NOTATION.md.
#pragma once
#include <Eigen/Core>

namespace espalier::problem {

/// The L1 ball around a clean image, cut with the unit box. centre is in [0,1]^n, radius > 0.
struct Ball {
  Eigen::VectorXd centre;
  double radius = 0;

  Eigen::Index dimension() const { return centre.size(); }
};

/// All of [0,1]^n: the ball of radius n / 2 around its middle.
Ball unit_box(Eigen::Index dimension);

/// ||x - x0||_1, summed in float64.
double l1_distance(const Eigen::Ref<const Eigen::VectorXd>& x, const Eigen::Ref<const Eigen::VectorXd>& centre);

/// x in B up to `tolerance`: every entry in [-tolerance, 1 + tolerance] and ||x - x0||_1 <= radius * (1 + tolerance).
bool contains(const Ball& ball, const Eigen::Ref<const Eigen::VectorXd>& x, double tolerance = 0);

struct LinearMaximum {
  double value = 0;           ///< max of w.(x - x0) over B: add w.x0 for the maximum of w.x
  Eigen::VectorXd maximiser;  ///< an x in B that attains it
};
/// max over x in B of w.(x - x0), exactly (up to rounding): a fractional knapsack. Moving pixel k in the direction of sign(w_k) gains |w_k|
/// per unit and has room 1 - x0_k (w_k > 0) or x0_k (w_k < 0); the budget is spent greedily by descending |w_k|, ties by index. O(n) on
/// average; for many w on one ball see LinearMaximiser.
LinearMaximum maximise_linear(const Ball& ball, const Eigen::Ref<const Eigen::VectorXd>& w);

/// Euclidean projection: argmin ||z - x||_2 over z in B. Exact up to rounding: z = x0 + sign(d) min(room, max(0, |d| - t)) with d = x - x0
/// and the smallest t >= 0 that meets the budget, found over the sorted break points. O(n log n).
Eigen::VectorXd project(const Ball& ball, const Eigen::Ref<const Eigen::VectorXd>& x);

/// Cheap repair of a point that is in B up to a solver's tolerances: clip to [0,1]^n, then, if ||x - x0||_1 > radius * (1 + 1e-6), scale
/// towards x0 until it equals the radius. The result is in the box because B is convex and x0 is in it. (Method, section 7, "x hygiene".)
Eigen::VectorXd clip_and_scale(const Ball& ball, const Eigen::Ref<const Eigen::VectorXd>& x);

}  // namespace espalier::problem
