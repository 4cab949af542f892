// An ONNX file, decoded: constants, nodes, one input and one output.
#pragma once
#include <fmt/format.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace espalier::formats {

using Shape = std::vector<std::int64_t>;

/// Number of elements; 1 for a scalar, the largest integer if there are more.
[[nodiscard]] std::int64_t elements(const Shape& shape);
/// "[1, 784, 1]"
[[nodiscard]] std::string describe(const Shape& shape);

/// Of float32, float64 or an integer type, widened; row-major.
struct OnnxTensor {
  Shape shape;
  std::vector<double> values;
};

struct OnnxNode {
  std::string name;  ///< "Gemm 'layer1'", or the operator and its first output
  std::string operation;
  std::vector<std::string> inputs;  ///< empty where an optional one is left out
  std::vector<std::string> outputs;
  std::map<std::string, std::int64_t> integers;
  std::map<std::string, double> reals;
  std::map<std::string, std::vector<std::int64_t>> integer_lists;
  std::map<std::string, std::string> texts;

  [[nodiscard]] std::int64_t integer(const std::string& attribute, std::int64_t standard) const;
  [[nodiscard]] double real(const std::string& attribute, double standard) const;
  /// Empty if there is none.
  [[nodiscard]] std::string text(const std::string& attribute) const;
  /// Error(data) "<name>: expected ..., found ...".
  template <class Found>
  [[noreturn]] void refuse(const std::string& expected, const Found& found) const {
    refuse_text(expected, fmt::format("{}", found));
  }

 private:
  [[noreturn]] void refuse_text(const std::string& expected, const std::string& found) const;
};

struct OnnxGraph {
  std::string file;
  std::int64_t opset = 0;
  std::string input, output;
  Shape input_shape;                            ///< without symbols: a batch is of one
  std::map<std::string, OnnxTensor> constants;  ///< initialisers and Constant nodes
  std::vector<OnnxNode>
      nodes;  ///< as the file has them: each behind what it reads; without Constant nodes and those that the output does not need
};

/// Tensors may lie in files beside it (external data). Error(data) naming the file and what of it: no ONNX model, an opset of before 2017
/// or of another domain, not one input and one output of known shape, a tensor whose data does not fit its shape, of a type that is not
/// read or not finite, a node that reads what no node before it, constant or input has made (a cycle, or a missing initialiser).
[[nodiscard]] OnnxGraph read_graph(const std::filesystem::path& file);

}  // namespace espalier::formats
