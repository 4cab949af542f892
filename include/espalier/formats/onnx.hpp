// Networks of others: ONNX files.
// Symbols: src/NOTATION.md.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "espalier/nn/network.hpp"

namespace espalier::formats {

struct OnnxNetwork {
  nn::Network network;             ///< of the flattened input and output, row-major
  double weight_rounding = 0;      ///< by how much a weight or bias of fused operators was rounded to float32 at most
  double largest_difference = 0;   ///< of the check: over random inputs and outputs, |network - file's graph| / (1 + |graph|)
  std::vector<std::string> notes;  ///< what was left out, such as a Softmax at the end
};

/// A feed-forward graph of affine operators and Relu as a fully connected network. Read are Gemm, MatMul, Add, Sub, Mul, Div, Relu, Conv,
/// AveragePool, GlobalAveragePool, BatchNormalization, Flatten, Reshape, Squeeze, Unsqueeze, Transpose, Identity, Dropout and Constant; a
/// Softmax, LogSoftmax or ArgMax at the end is left out with a note. A batch is of one. Affine operators between two Relus become one
/// layer, computed in float64: where one operator alone makes it (Gemm; MatMul and Add), its weights are those of the file, bit by bit.
/// Error(data) naming the file, the node, what was expected and found: a file that is no such graph, an operator that is not read, or a
/// node that reads from before the last Relu (a residual connection).
/// What was made is checked: random inputs run through it and, operator by operator, through the file's graph, in float64; a difference
/// above 1e-4 is Error(internal).
[[nodiscard]] OnnxNetwork read_onnx(const std::filesystem::path& file);

/// The network as an ONNX graph of one Gemm a layer and a Relu between two, opset 13, input (batch, inputs), in float32; masks are left
/// out. read_onnx() gives the same weights back, bit by bit. Error(io) naming the file.
void write_onnx(const std::filesystem::path& file, const nn::Network& network);

}  // namespace espalier::formats
