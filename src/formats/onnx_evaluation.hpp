// An ONNX graph, evaluated operator by operator: what an import is checked against. Shares the decoded file with the importer, and nothing
// else.
#pragma once
#include <vector>

#include "formats/onnx_graph.hpp"

namespace espalier::formats {

/// The output, row-major, at `input`, in float64. A Softmax, LogSoftmax or ArgMax is passed over.
[[nodiscard]] std::vector<double> evaluate(const OnnxGraph& graph, const std::vector<double>& input);

}  // namespace espalier::formats
