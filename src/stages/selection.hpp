// The choice among networks that were trained with several strengths of a regulariser and pruned (P1, section 5.2).
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "espalier/nn/network.hpp"
#include "espalier/task/value.hpp"

namespace espalier::stages {

/// One point of the grid over lambda and alpha.
struct Choice {
  double strength = 0;
  double alpha = 0;
};

/// Every strength with every alpha, strengths slowest; without alphas, every strength with `alpha`.
std::vector<Choice> choices(const task::RealList& strengths, const task::RealList& alphas, double alpha);

struct Candidate {
  std::int64_t neurons = 0;          ///< see connected_neurons
  std::int64_t nonzero_weights = 0;  ///< in all layers
  double test_accuracy = 0;          ///< share in [0, 1]
};

/// Hidden neurons with at least one incoming weight that is not 0: those that a formulation may need a binary variable for.
std::int64_t connected_neurons(const nn::Network& network);

/// Index of the candidate with the fewest neurons (then the fewest nonzero weights, the better accuracy, the lower index) among those
/// whose accuracy is at least `least_accuracy`; none if there is no such candidate.
std::optional<std::size_t> smallest(const std::vector<Candidate>& candidates, double least_accuracy);

}  // namespace espalier::stages
