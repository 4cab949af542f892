#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include "espalier/base/build_info.hpp"
#include "espalier/base/file.hpp"
#include "espalier/formats/onnx.hpp"

namespace espalier::formats {

namespace {

/// float32, little-endian as this machine's.
void add_constant(onnx::GraphProto& graph, const std::string& name, std::initializer_list<std::int64_t> shape, const float* values) {
  onnx::TensorProto& tensor = *graph.add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(onnx::TensorProto::FLOAT);
  std::size_t size = sizeof(float);
  for (const std::int64_t extent : shape) {
    tensor.add_dims(extent);
    size *= static_cast<std::size_t>(extent);
  }
  tensor.set_raw_data(values, size);
}

onnx::NodeProto& add_node(onnx::GraphProto& graph, const std::string& operation, const std::vector<std::string>& inputs,
                          const std::string& output) {
  onnx::NodeProto& node = *graph.add_node();
  node.set_op_type(operation);
  node.set_name(output);
  for (const std::string& input : inputs) node.add_input(input);
  node.add_output(output);
  return node;
}

void describe_end(onnx::ValueInfoProto& end, const std::string& name, std::int64_t size) {
  end.set_name(name);
  auto& type = *end.mutable_type()->mutable_tensor_type();
  type.set_elem_type(onnx::TensorProto::FLOAT);
  type.mutable_shape()->add_dim()->set_dim_param("batch");
  type.mutable_shape()->add_dim()->set_dim_value(size);
}

}  // namespace

void write_onnx(const std::filesystem::path& file, const nn::Network& network) {
  constexpr int ir_version = 7, opset = 13;
  onnx::ModelProto model;
  model.set_ir_version(ir_version);
  model.set_producer_name("espalier");
  model.set_producer_version(base::build_info().version);
  model.add_opset_import()->set_version(opset);
  onnx::GraphProto& graph = *model.mutable_graph();
  graph.set_name("network");
  describe_end(*graph.add_input(), "x", network.inputs());
  describe_end(*graph.add_output(), "y", network.outputs());
  std::string entering = "x";
  for (std::size_t k = 0; k < network.layers.size(); ++k) {
    const nn::Layer& layer = network.layers[k];
    const std::string name = fmt::format("layer_{}", k);
    const bool is_last = k + 1 == network.layers.size();
    add_constant(graph, name + "/weight", {layer.outputs(), layer.inputs()}, layer.weight.data());
    add_constant(graph, name + "/bias", {layer.outputs()}, layer.bias.data());
    onnx::AttributeProto& transposed =
        *add_node(graph, "Gemm", {entering, name + "/weight", name + "/bias"}, is_last ? "y" : name + "/gemm").add_attribute();
    transposed.set_name("transB");
    transposed.set_type(onnx::AttributeProto::INT);
    transposed.set_i(1);
    entering = name + "/relu";
    if (!is_last) add_node(graph, "Relu", {name + "/gemm"}, entering);
  }
  base::write_file_atomically(file, model.SerializeAsString());
}

}  // namespace espalier::formats
