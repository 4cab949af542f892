// Removing what pruning has made constant, so that the network is smaller and not only sparser.
#pragma once
#include "espalier/nn/network.hpp"

namespace espalier::reduce {

/// The network without hidden neurons whose weights are all 0. Such a neuron's output is the constant max(0, b); what it adds to the next
/// layer, W_next max(0, b), is folded into that layer's biases (summed in float64, rounded once), so that the outputs are the same up to
/// that rounding. Output neurons are never removed; a hidden layer of which nothing would be left keeps its first neuron. Layers
/// are taken front to back: a neuron that listened to removed ones only goes as well.
/// Source: Cacciola, Frangioni and Lodi 2023, section 3; deviation: they drop the constant instead of folding it.
[[nodiscard]] nn::Network compact(nn::Network network);

}  // namespace espalier::reduce
