// A fully connected ReLU network as a value.
// Symbols: src/NOTATION.md.
#pragma once
#include <Eigen/Core>
#include <cstdint>
#include <string>
#include <vector>

namespace espalier::nn {

/// Row-major, as PyTorch and HDF5 store a Linear layer: weight is (out x in), one row per neuron.
using WeightMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Mask = Eigen::Matrix<std::uint8_t, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

struct Layer {
  WeightMatrix weight;   ///< (out x in)
  Eigen::VectorXf bias;  ///< (out)
  Mask mask;             ///< (out x in), 1 = kept, 0 = pruned (weight is exactly 0 there); empty (0 x 0) = nothing pruned

  [[nodiscard]] Eigen::Index inputs() const { return weight.cols(); }
  [[nodiscard]] Eigen::Index outputs() const { return weight.rows(); }
  [[nodiscard]] bool masked() const { return mask.size() > 0; }
};

/// y = W_K h_K + b_K,  h_{k+1} = max(0, W_k h_k + b_k),  h_0 = x. No activation after the last layer: y are logits.
struct Network {
  std::vector<Layer> layers;

  [[nodiscard]] Eigen::Index inputs() const { return layers.front().inputs(); }
  [[nodiscard]] Eigen::Index outputs() const { return layers.back().outputs(); }
  [[nodiscard]] std::size_t hidden_layers() const { return layers.size() - 1; }
  [[nodiscard]] std::int64_t parameter_count() const;  ///< weights and biases
  [[nodiscard]] std::int64_t nonzero_weights() const;  ///< weights that are not exactly 0

  /// Throws base::Error(data) naming the layer if shapes do not chain, a mask has another shape than its weight, a masked weight
  /// is not 0, or a number is NaN or infinite; or if there is no layer.
  void check() const;
};

/// Logits of one input, in the precision of the argument. x: (inputs). Weights are widened exactly.
[[nodiscard]] Eigen::VectorXd forward(const Network& network, const Eigen::Ref<const Eigen::VectorXd>& x);
[[nodiscard]] Eigen::VectorXf forward(const Network& network, const Eigen::Ref<const Eigen::VectorXf>& x);

/// Logits of a batch in float32. x: one sample per column (inputs x batch); result (outputs x batch).
[[nodiscard]] Eigen::MatrixXf forward_batch(const Network& network, const Eigen::Ref<const Eigen::MatrixXf>& x);

/// Pre-activations of every layer in float64: element k is W_k h_k + b_k; the last one is the logits.
[[nodiscard]] std::vector<Eigen::VectorXd> pre_activations(const Network& network, const Eigen::Ref<const Eigen::VectorXd>& x);

/// "324-32-32-10"
[[nodiscard]] std::string architecture(const Network& network);

}  // namespace espalier::nn
