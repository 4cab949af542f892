// Exact compression: hidden neurons that bounds prove to be off or linear over a domain leave the network, which stays the same function
// there.
// Symbols: src/NOTATION.md.
#pragma once
#include <Eigen/Core>
#include <cstdint>
#include <limits>
#include <vector>

#include "espalier/bounds/bounds.hpp"
#include "espalier/nn/network.hpp"
#include "espalier/record/record.hpp"

namespace espalier::reduce {

/// What became of one hidden layer's neurons.
struct CompressedLayer {
  std::int64_t off = 0;       ///< removed: their output is 0 by the bounds
  std::int64_t constant = 0;  ///< removed: no weights are left; what they add is in the next layer's biases
  std::int64_t unread = 0;    ///< removed: every weight on their output is 0
  std::int64_t linear = 0;    ///< stably active by the bounds, and read
  std::int64_t folded = 0;    ///< of these, how many fewer there are now

  [[nodiscard]] std::int64_t removed() const { return off + constant + unread + folded; }
};

struct Compression {
  nn::Network network;                  ///< without masks
  std::vector<CompressedLayer> layers;  ///< by hidden layer of the network as it was
  /// Smallest distance from 0 of a bound that a removal rests on: -upper of a neuron that is off, lower of one that is linear. +infinity if
  /// nothing was removed by a bound.
  double smallest_slack = std::numeric_limits<double>::infinity();
  /// |y'_i(x) - y_i(x)| <= deviation_i for every x of the domain, in real arithmetic: what storing the folded weights as float32 does.
  Eigen::VectorXd deviation;

  [[nodiscard]] std::int64_t removed() const;
};

/// What a row of results says of a compression.
struct CompressionSummary {
  std::int64_t off = 0;
  std::int64_t linear = 0;  ///< CompressedLayer::folded
  std::int64_t other = 0;   ///< constant or unread
  double slack = std::numeric_limits<double>::infinity();
  double deviation = 0;
};
[[nodiscard]] CompressionSummary summarise(const std::vector<CompressedLayer>& layers, double slack, double deviation);
/// Its columns: removed_off, removed_linear, removed_other, removal_slack, removal_deviation.
[[nodiscard]] const record::Record<CompressionSummary>& compression_record();

/// `proof` bounds the pre-activations over the domain, which is within `inputs`. Off neurons go with their row and column; neurons without
/// weights as in compact(). Of a layer's m stably active neurons, g = W h + b with next weights A: q next neurons read them, they read n
/// inputs. What the next layer gets from them is the affine function A g, for which min(m, n, q) neurons are enough:
///   q < m, q <= n: one per reader, (A g)_i - c_i with c_i below the minimum of (A g)_i that the bounds give, c_i in the reader's bias;
///   n < m, n < q:  one per input, which passes it on (of the layer before h >= 0; an input plus what it may lack to that), with next
///   weights A W; a layer of which only stably active neurons are left goes as a whole, unless that makes more weights: next weights A W.
/// Repeated until nothing changes. All in float64, rounded once.
///
/// deviation: u = 2^-24 (1 + 2^-10) times the sum of magnitudes of the terms is charged to each number that folding makes, as its error E;
/// with H the largest outputs of the layer before, or inputs,, d_k = (|W_k| + E_k) d_(k-1) + E_k H_(k-1) + E_b, d_0 = 0 at the input.
///
/// Source: Serra, Kumar and Ramalingam 2020 (Lossless Compression of Deep Neural Networks); deviation: they express stably active neurons
/// by as many of them as their weights have rank; ours needs no rank in floating point, and is never more in number where the rank is
/// min(m, n), as it is unless weights are proportional.
/// Throws base::Error as bounds::check.
[[nodiscard]] Compression compress(const nn::Network& network, const bounds::Bounds& proof, const bounds::LayerBounds& inputs);
/// The same for inputs in [0,1]^n.
[[nodiscard]] Compression compress(const nn::Network& network, const bounds::Bounds& proof);

}  // namespace espalier::reduce
