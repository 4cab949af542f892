#include "stages/selection.hpp"

#include <tuple>

namespace espalier::stages {

std::vector<Choice> choices(const task::RealList& strengths, const task::RealList& alphas, double alpha) {
  std::vector<Choice> all;
  for (const double strength : strengths)
    for (const double a : alphas.empty() ? task::RealList{alpha} : alphas) all.push_back({strength, a});
  return all;
}

std::int64_t connected_neurons(const nn::Network& network) {
  std::int64_t neurons = 0;
  for (std::size_t k = 0; k + 1 < network.layers.size(); ++k) neurons += (network.layers[k].weight.array() != 0).rowwise().any().count();
  return neurons;
}

std::optional<std::size_t> smallest(const std::vector<Candidate>& candidates, double least_accuracy) {
  std::optional<std::size_t> best;
  const auto rank = [&](std::size_t k) {
    return std::tuple(candidates[k].neurons, candidates[k].nonzero_weights, -candidates[k].test_accuracy);
  };
  for (std::size_t k = 0; k < candidates.size(); ++k)
    if (candidates[k].test_accuracy >= least_accuracy && (!best || rank(k) < rank(*best))) best = k;
  return best;
}

}  // namespace espalier::stages
