#include "formats/onnx_graph.hpp"

#include <fmt/ranges.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <set>

#include "espalier/base/error.hpp"
#include "espalier/base/text.hpp"
#include "espalier/data/compressed_file.hpp"

namespace espalier::formats {

static_assert(std::endian::native == std::endian::little, "raw_data is little-endian");

namespace {

constexpr std::size_t most_file_bytes = std::size_t{1} << 31;  // protobuf's own limit
constexpr std::int64_t most_elements = std::int64_t{1} << 30;
constexpr std::int64_t most_inputs = std::int64_t{1} << 22;
constexpr std::int64_t oldest_opset = 6;

class GraphReader {
 public:
  explicit GraphReader(const std::filesystem::path& file) : file_(file.string()) {}

  OnnxGraph read() {
    const std::string bytes = data::read_compressed(file_, most_file_bytes);
    onnx::ModelProto model;
    if (!model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || !model.has_graph())
      base::fail(base::ErrorKind::data, "{}: expected an ONNX model, found something else, or a part of one", file_);
    graph_.file = file_;
    read_opset(model);
    const onnx::GraphProto& graph = model.graph();
    for (const onnx::TensorProto& tensor : graph.initializer()) {
      graph_.constants[tensor.name()] = read_tensor(tensor, fmt::format("initialiser '{}'", base::printable(tensor.name())));
      known_.insert(tensor.name());
    }
    if (graph.sparse_initializer_size() > 0) refuse("graph", "dense initialisers", "a sparse one");
    read_ends(graph);
    for (const onnx::NodeProto& node : graph.node()) read_node(node);
    if (!known_.contains(graph_.output)) refuse("output", "what a node makes", "'" + base::printable(graph_.output) + "'");
    drop_unused();
    return std::move(graph_);
  }

 private:
  /// Nodes that the output does not depend on.
  void drop_unused() {
    std::set<std::string> needed{graph_.output};
    std::vector<OnnxNode> kept;
    for (std::size_t k = graph_.nodes.size(); k-- > 0;) {
      OnnxNode& node = graph_.nodes[k];
      if (std::ranges::none_of(node.outputs, [&](const std::string& output) { return needed.contains(output); })) continue;
      needed.insert(node.inputs.begin(), node.inputs.end());
      kept.insert(kept.begin(), std::move(node));
    }
    graph_.nodes = std::move(kept);
  }

  [[noreturn]] void refuse(const std::string& where, const std::string& expected, const std::string& found) const {
    base::fail(base::ErrorKind::data, "{}: {}: expected {}, found {}", file_, where, expected, found);
  }

  void read_opset(const onnx::ModelProto& model) {
    for (const onnx::OperatorSetIdProto& set : model.opset_import())
      if (set.domain().empty() || set.domain() == "ai.onnx") graph_.opset = set.version();
    if (graph_.opset < oldest_opset)
      refuse("opset", fmt::format("version {} or later of ai.onnx", oldest_opset), fmt::format("{}", graph_.opset));
  }

  void read_ends(const onnx::GraphProto& graph) {
    std::vector<const onnx::ValueInfoProto*> inputs;
    for (const onnx::ValueInfoProto& input : graph.input())
      if (!graph_.constants.contains(input.name())) inputs.push_back(&input);
    if (inputs.size() != 1) refuse("graph", "one input that is no initialiser", fmt::format("{}", inputs.size()));
    if (graph.output_size() != 1) refuse("graph", "one output", fmt::format("{}", graph.output_size()));
    graph_.input = inputs.front()->name();
    graph_.output = graph.output(0).name();
    known_.insert(graph_.input);
    const std::string where = fmt::format("input '{}'", base::printable(graph_.input));
    if (!inputs.front()->type().tensor_type().has_shape()) refuse(where, "a shape", "none");
    for (const auto& dimension : inputs.front()->type().tensor_type().shape().dim()) {
      const bool is_first = graph_.input_shape.empty();
      const std::int64_t extent = dimension.has_dim_value() && dimension.dim_value() > 0 ? dimension.dim_value() : 0;
      if (extent == 0 && !is_first) refuse(where, "a size of every dimension but the first", "one without");
      graph_.input_shape.push_back(extent == 0 ? 1 : extent);
    }
    check_size(graph_.input_shape, where, most_inputs);
  }

  void check_size(const Shape& shape, const std::string& where, std::int64_t most = most_elements) const {
    std::int64_t size = 1;
    for (const std::int64_t extent : shape) {
      if (extent < 0 || (extent > 0 && size > most / extent))
        refuse(where, fmt::format("at most {} elements", most), "the shape " + describe(shape));
      size *= extent;
    }
  }

  /// The bytes that a tensor keeps in a file beside the model's.
  std::string external_bytes(const onnx::TensorProto& tensor, std::uint64_t size, const std::string& where) const {
    std::filesystem::path location;
    std::uint64_t offset = 0;
    for (const onnx::StringStringEntryProto& entry : tensor.external_data()) {
      if (entry.key() == "location") location = entry.value();
      if (entry.key() != "offset") continue;
      const auto [end, error] = std::from_chars(entry.value().data(), entry.value().data() + entry.value().size(), offset);
      if (error != std::errc() || end != entry.value().data() + entry.value().size())
        refuse(where, "an offset in bytes", "'" + base::printable(entry.value()) + "'");
    }
    const bool leaves = location.is_absolute() || std::ranges::find(location, "..") != location.end();
    if (location.empty() || leaves)
      refuse(where, "external data in the folder of the model", "'" + base::printable(location.string()) + "'");
    const std::filesystem::path path = std::filesystem::path(file_).parent_path() / location;
    std::ifstream in(path, std::ios::binary);
    std::string bytes(size, '\0');
    if (!in || !in.seekg(static_cast<std::streamoff>(offset)) || !in.read(bytes.data(), static_cast<std::streamsize>(size)))
      refuse(where, fmt::format("{} bytes from byte {} of {}", size, offset, path.string()), "fewer, or no such file");
    return bytes;
  }

  template <class Stored, class List>
  std::vector<double> values_of(const onnx::TensorProto& tensor, const List& list, std::int64_t size, const std::string& where) const {
    std::vector<double> values;
    const bool is_external = tensor.data_location() == onnx::TensorProto::EXTERNAL;
    if (is_external || tensor.has_raw_data()) {
      const std::string beside = is_external ? external_bytes(tensor, static_cast<std::uint64_t>(size) * sizeof(Stored), where) : "";
      const std::string& raw = is_external ? beside : tensor.raw_data();
      if (raw.size() != static_cast<std::size_t>(size) * sizeof(Stored))
        refuse(where, fmt::format("{} bytes for the shape {}", static_cast<std::size_t>(size) * sizeof(Stored), describe(shape_of(tensor))),
               fmt::format("{}", raw.size()));
      values.resize(static_cast<std::size_t>(size));
      for (std::size_t k = 0; k < values.size(); ++k) {
        Stored value{};
        std::memcpy(&value, raw.data() + k * sizeof(Stored), sizeof(Stored));
        values[k] = static_cast<double>(value);
      }
    } else {
      if (list.size() != size)
        refuse(where, fmt::format("{} numbers for the shape {}", size, describe(shape_of(tensor))), fmt::format("{}", list.size()));
      values.assign(list.begin(), list.end());
    }
    for (const double value : values)
      if (!std::isfinite(value)) refuse(where, "finite numbers", fmt::format("{}", value));
    return values;
  }

  static Shape shape_of(const onnx::TensorProto& tensor) { return {tensor.dims().begin(), tensor.dims().end()}; }

  OnnxTensor read_tensor(const onnx::TensorProto& tensor, const std::string& where) const {
    OnnxTensor made{.shape = shape_of(tensor), .values = {}};
    check_size(made.shape, where);
    const std::int64_t size = elements(made.shape);
    switch (tensor.data_type()) {
      case onnx::TensorProto::FLOAT:
        made.values = values_of<float>(tensor, tensor.float_data(), size, where);
        break;
      case onnx::TensorProto::DOUBLE:
        made.values = values_of<double>(tensor, tensor.double_data(), size, where);
        break;
      case onnx::TensorProto::INT64:
        made.values = values_of<std::int64_t>(tensor, tensor.int64_data(), size, where);
        break;
      case onnx::TensorProto::INT32:
        made.values = values_of<std::int32_t>(tensor, tensor.int32_data(), size, where);
        break;
      default:
        refuse(where, "float, double, int32 or int64", onnx::TensorProto::DataType_Name(tensor.data_type()));
    }
    return made;
  }

  void read_node(const onnx::NodeProto& node) {
    const std::string label = !node.name().empty() ? node.name() : node.output_size() > 0 ? node.output(0) : "";
    OnnxNode made{.name = fmt::format("{} '{}'", base::printable(node.op_type()), base::printable(label)), .operation = node.op_type()};
    if (!node.domain().empty() && node.domain() != "ai.onnx")
      refuse(made.name, "an operator of ai.onnx", "one of " + base::printable(node.domain()));
    if (node.output_size() == 0) refuse(made.name, "an output", "none");
    for (const std::string& input : node.input()) {
      if (!input.empty() && !known_.contains(input))
        refuse(made.name, "inputs that an earlier node, an initialiser or the input of the graph makes",
               "'" + base::printable(input) + "'");
      made.inputs.push_back(input);
    }
    for (const std::string& output : node.output()) {
      if (!output.empty() && !known_.insert(output).second)
        refuse(made.name, "an output of its own", "'" + base::printable(output) + "' again");
      made.outputs.push_back(output);
    }
    for (const onnx::AttributeProto& attribute : node.attribute()) read_attribute(attribute, made);
    if (made.operation != "Constant") graph_.nodes.push_back(std::move(made));
  }

  void read_attribute(const onnx::AttributeProto& attribute, OnnxNode& node) {
    using Proto = onnx::AttributeProto;
    switch (attribute.type()) {
      case Proto::INT:
        node.integers[attribute.name()] = attribute.i();
        break;
      case Proto::FLOAT:
        node.reals[attribute.name()] = static_cast<double>(attribute.f());
        break;
      case Proto::INTS:
        node.integer_lists[attribute.name()] = {attribute.ints().begin(), attribute.ints().end()};
        break;
      case Proto::STRING:
        node.texts[attribute.name()] = attribute.s();
        break;
      case Proto::TENSOR:
        if (node.operation == "Constant") {
          graph_.constants[node.outputs.front()] = read_tensor(attribute.t(), node.name);
          return;
        }
        [[fallthrough]];
      default:
        refuse(node.name, "attributes of numbers, lists of integers or text", "'" + base::printable(attribute.name()) + "'");
    }
    if (node.operation == "Constant") refuse(node.name, "the attribute 'value', a tensor", "'" + base::printable(attribute.name()) + "'");
  }

  std::string file_;
  OnnxGraph graph_;
  std::set<std::string> known_;  ///< what nodes may read
};

}  // namespace

std::int64_t elements(const Shape& shape) {
  std::int64_t size = 1;
  for (const std::int64_t extent : shape)
    if (__builtin_mul_overflow(size, extent, &size)) return std::numeric_limits<std::int64_t>::max();
  return size;
}

std::string describe(const Shape& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

std::int64_t OnnxNode::integer(const std::string& attribute, std::int64_t standard) const {
  const auto found = integers.find(attribute);
  return found == integers.end() ? standard : found->second;
}

double OnnxNode::real(const std::string& attribute, double standard) const {
  const auto found = reals.find(attribute);
  return found == reals.end() ? standard : found->second;
}

std::string OnnxNode::text(const std::string& attribute) const {
  const auto found = texts.find(attribute);
  return found == texts.end() ? "" : found->second;
}

void OnnxNode::refuse_text(const std::string& expected, const std::string& found) const {
  base::fail(base::ErrorKind::data, "{}: expected {}, found {}", name, expected, found);
}

OnnxGraph read_graph(const std::filesystem::path& file) { return GraphReader(file).read(); }

}  // namespace espalier::formats
