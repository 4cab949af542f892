// Operators of ONNX that move a window over an image (1, channels, ...): affine maps.
#pragma once
#include "formats/onnx_operators.hpp"

namespace espalier::formats {

/// Conv: kernels, strides, pads, dilations, groups and auto_pad, of any number of dimensions.
[[nodiscard]] AffineTensor convolved(const OnnxNode& node, const OperatorInputs& inputs);
/// AveragePool and GlobalAveragePool.
[[nodiscard]] AffineTensor averaged(const OnnxNode& node, const OperatorInputs& inputs);

}  // namespace espalier::formats
