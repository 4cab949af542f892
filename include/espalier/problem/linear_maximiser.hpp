// max over B of w.(x - x0), again and again: the inner loop of bound propagation and of the attack.
// Symbols: src/NOTATION.md.
#pragma once
#include <span>
#include <vector>

#include "espalier/problem/region.hpp"

namespace espalier::problem {

/// One pixel that a maximiser moves away from the centre.
struct Step {
  Eigen::Index pixel = 0;
  double change = 0;  ///< x_pixel - x0_pixel
};

/// The fractional knapsack of maximise_linear() without sorting all pixels: those with |w_k| above a threshold that leaves enough room are
/// gathered in one pass and put into buckets by |w_k|; only the bucket that the budget cuts is sorted. O(n) on average; no allocation after
/// the first calls. Not to be shared between threads.
class LinearMaximiser {
 public:
  explicit LinearMaximiser(const Region& region);

  /// max over x in B of w.(x - x0), up to the rounding of a sum of `steps().size()` products of non-negative numbers; never less than that
  /// because the steps miss the budget.
  double maximise(std::span<const double> w);
  /// The maximiser of the last call: the pixels that differ from the centre. At most one of them is cut by the budget. Ties go to the lower
  /// index.
  [[nodiscard]] const std::vector<Step>& steps() const { return steps_; }

 private:
  /// Without a budget every input goes to its own end.
  double maximise_over_box(std::span<const double> w);
  /// The budget is spent on pieces of rows, all sorted.
  double maximise_over_rows(std::span<const double> w);
  void add_pieces(std::span<const double> w, std::size_t row);
  /// Every input moves by its share of a Euclidean length.
  double maximise_over_ball(std::span<const double> w);

  struct Candidate {
    double reach = 0;  ///< |w_k|
    double room = 0;   ///< how far pixel k may move in the direction of sign(w_k), > 0
    Eigen::Index pixel = 0;
    bool up = false;
  };
  /// Gathers the pixels with |w_k| > threshold and room; returns the sum of their rooms.
  double gather(std::span<const double> w, double threshold);
  /// Spends the budget on the candidates by descending reach, which is in (lowest, highest].
  double spend(double lowest, double highest);
  double take(const Candidate& candidate, double& budget);

  /// A row's largest change grows from `begin` to `end` at a gain of `slope` per unit.
  struct Piece {
    double slope = 0;
    double begin = 0;
    double end = 0;
    std::size_t row = 0;
  };

  std::vector<double> room_up_;
  std::vector<double> room_down_;
  double radius_;
  std::size_t row_length_;
  bool euclidean_;
  std::vector<Piece> pieces_;
  std::vector<std::size_t> order_;  ///< of one row's inputs; in a ball those that have room left
  std::vector<double> largest_;     ///< largest change by row
  std::vector<Candidate> candidates_;
  std::vector<Step> steps_;
};

}  // namespace espalier::problem
