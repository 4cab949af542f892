// Pruning: which weights of a trained network are set to 0 and stay 0.
#pragma once
#include <cstdint>
#include <string>

#include "espalier/base/words.hpp"
#include "espalier/nn/network.hpp"

namespace espalier::prune {

enum class Structure {
  unstructured,  ///< single weights
  structured,    ///< whole rows: all weights of a neuron, whose output is then the constant max(0, bias)
};
base::Words<Structure> words(Structure);  ///< "unstructured", "structured"

/// Every layer is pruned separately, to the same rate; biases never (Pham et al. 2025, and their code; see also torch.nn.utils.prune).
struct PruneOptions {
  std::string criterion = "magnitude";  ///< see criterion_names() in criterion.hpp
  Structure structure = Structure::unstructured;
  double rate = 0.5;         ///< share of each layer's weights (rows) that is pruned in the end, in [0, 1)
  int steps = 5;             ///< compound steps: each prunes p = 1 - (1 - rate)^(1/steps) of what remains
  bool prune_output = true;  ///< false: the last layer is left alone
  std::uint64_t seed = 0;    ///< of random criteria; steps are independent streams of it
  friend bool operator==(const PruneOptions&, const PruneOptions&) = default;
};

/// p = 1 - (1 - rate)^(1/steps).
[[nodiscard]] double step_rate(double rate, int steps);
/// round(p * remaining), halves to even, as torch.nn.utils.prune computes it.
[[nodiscard]] std::int64_t step_count(double p, std::int64_t remaining);

/// One compound step, `step` in 0..options.steps-1, on the network's present weights and masks. Remaining are the unpruned weights of a
/// layer, or its rows that are not wholly pruned. Ties go to the lower index.
/// Throws base::Error(configuration) for illegal options.
void prune_step(nn::Network& network, const PruneOptions& options, int step);

/// All steps, without training in between.
[[nodiscard]] nn::Network prune(nn::Network network, const PruneOptions& options);

}  // namespace espalier::prune
