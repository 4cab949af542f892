// Pruning of neurons whose weights training has made small (Cacciola, Frangioni and Lodi 2023, section 3, and their code).
#pragma once
#include <vector>

#include "espalier/data/dataset.hpp"
#include "espalier/nn/network.hpp"

namespace espalier::prune {

struct ThresholdOptions {
  double tolerance = 5e-4;         ///< accepted loss of train accuracy, as a share in [0, 1]: 0.05 percentage points
  double row_fraction = 5e-3;      ///< a row survives if more than this share of its weights does, in [0, 1)
  double largest_threshold = 0.1;  ///< the search is in [0, largest_threshold]
  int steps = 6;                   ///< bisections
  bool prune_output = true;        ///< false: the last layer is left alone
};

struct ThresholdTrial {
  double threshold = 0;
  double train_accuracy = 0;  ///< with every weight and bias of size <= threshold set to 0
  bool accepted = false;
};

struct ThresholdResult {
  nn::Network network;                 ///< masked: whole rows
  double threshold = 0;                ///< the largest accepted; 0 if none was
  double train_accuracy = 0;           ///< before pruning
  std::vector<ThresholdTrial> trials;  ///< in order
};

/// 1. The largest t found by bisection such that the network with every weight and bias |w| <= t set to 0, in all layers, loses less
///    than `tolerance` of its accuracy on `train`.
/// 2. A row (neuron) of which more than `row_fraction` of the weights survive t gets all its weights back; other rows are set to 0
///    and masked. Biases |b| <= t are set to 0 in all rows.
/// A hidden layer that would lose all rows keeps the one of largest L1 norm, so that the network stays one.
/// Deviation from the code: biases have no mask, so finetuning may move those that were set to 0.
/// Throws base::Error(configuration) for illegal options.
[[nodiscard]] ThresholdResult prune_by_threshold(const nn::Network& network, const data::Samples& train,
                                                 const ThresholdOptions& options = {});

}  // namespace espalier::prune
