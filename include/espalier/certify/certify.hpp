// Checks what a solver or an attack claims, by an independent forward pass of the dense network.
// Knows nothing of models, bounds or solvers: only the problem and an input.
// Symbols: src/NOTATION.md.
#pragma once
#include <Eigen/Core>

#include "espalier/problem/problem.hpp"

namespace espalier::certify {

/// A margin above this, in float64, makes an input adversarial (method, section 7). Counted in nn::margin_unit, which is 1 unless all
/// logits are tiny: the answer is then that of the same network with ordinary ones.
inline constexpr double adversarial_threshold = 1e-6;

/// What somebody says: "this input gives this objective". Nothing about it is known to be true.
struct Claim {
  Eigen::VectorXd input;
  double objective = 0;  ///< claimed value of the claimant's own objective (a surrogate's margin, for one)
};

/// What a forward pass says. Only verify() makes one, so holding one means that the check was done.
class Verified {
 public:
  /// The input after hygiene (clipped to the box, scaled towards x0 if it was over epsilon (1 + 1e-6)): the one all figures below belong
  /// to.
  [[nodiscard]] const Eigen::VectorXd& input() const { return input_; }
  [[nodiscard]] double distance() const { return distance_; }  ///< ||input - x0|| in the region's norm, recomputed
  [[nodiscard]] double margin() const { return margin_; }      ///< the objective of the dense network, float64
  [[nodiscard]] double margin_float32() const {
    return margin_float32_;
  }  ///< the same of logits in float32, the precision the network was trained in
  [[nodiscard]] bool adversarial() const { return adversarial_; }  ///< margin() > adversarial_threshold times the problem's margin unit
  /// arg max D(input) != arg max D(x0): the weaker success test of the authors' earlier code (method, section 10.3).
  [[nodiscard]] bool class_changed() const { return class_changed_; }

 private:
  friend class Verifier;
  Verified() = default;
  Eigen::VectorXd input_;
  double distance_ = 0;
  double margin_ = 0;
  double margin_float32_ = 0;
  bool adversarial_ = false;
  bool class_changed_ = false;
};

/// Verifies claims on one problem. Keeps a reference: the problem must outlive it.
class Verifier {
 public:
  /// Throws base::Error(data) for a network whose values leave the range of float64 (nn::margin_unit).
  explicit Verifier(const problem::Problem& problem);

  /// Throws base::Error(data) if the input has a wrong length and base::Error(numeric) if it is NaN or infinite, or the margin is.
  [[nodiscard]] Verified verify(const Claim& claim) const;

  /// The clean image itself (distance 0).
  [[nodiscard]] Verified clean_input() const;

  /// nn::margin_unit of the problem's network and objective.
  [[nodiscard]] double margin_unit() const { return margin_unit_; }

 private:
  const problem::Problem& problem_;
  nn::Objective objective_;
  Eigen::Index clean_class_ = 0;
  double margin_unit_ = 1;
};

}  // namespace espalier::certify
