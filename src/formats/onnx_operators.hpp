// What ONNX's affine operators make of affine tensors.
#pragma once
#include "formats/affine_tensor.hpp"

namespace espalier::formats {

/// nullptr is an optional input that is left out.
using OperatorInputs = std::vector<const AffineTensor*>;

/// What the node, which is not Relu, makes of `inputs`. Error(data) "<node>: expected ..., found ..." if it is not read or its inputs do
/// not fit.
[[nodiscard]] AffineTensor apply_operator(const OnnxNode& node, const OperatorInputs& inputs);

}  // namespace espalier::formats
