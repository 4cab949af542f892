#include "espalier/formats/onnx.hpp"

#include <gmock/gmock.h>
#include <onnx/onnx_pb.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "espalier/base/error.hpp"
#include "espalier/base/random.hpp"
#include "h5/temporary_directory.hpp"

namespace espalier::formats {
namespace {

using testing::HasSubstr;

/// Models as another program writes them.
class ModelBuilder {
 public:
  explicit ModelBuilder(const std::vector<std::int64_t>& input) {
    model.set_ir_version(7);
    model.add_opset_import()->set_version(13);
    auto* value = graph()->add_input();
    value->set_name("x");
    for (const std::int64_t extent : input) value->mutable_type()->mutable_tensor_type()->mutable_shape()->add_dim()->set_dim_value(extent);
    graph()->add_output()->set_name("y");
  }

  onnx::GraphProto* graph() { return model.mutable_graph(); }

  onnx::TensorProto* constant(const std::string& name, const std::vector<std::int64_t>& shape, const std::vector<float>& values) {
    auto* tensor = graph()->add_initializer();
    tensor->set_name(name);
    tensor->set_data_type(onnx::TensorProto::FLOAT);
    for (const std::int64_t extent : shape) tensor->add_dims(extent);
    for (const float value : values) tensor->add_float_data(value);
    return tensor;
  }

  onnx::NodeProto* node(const std::string& operation, const std::vector<std::string>& inputs, const std::string& output) {
    auto* made = graph()->add_node();
    made->set_op_type(operation);
    for (const std::string& input : inputs) made->add_input(input);
    made->add_output(output);
    return made;
  }

  onnx::ModelProto model;
};

void set(onnx::NodeProto* node, const std::string& name, std::int64_t value) {
  auto* attribute = node->add_attribute();
  attribute->set_name(name);
  attribute->set_type(onnx::AttributeProto::INT);
  attribute->set_i(value);
}

void set_list(onnx::NodeProto* node, const std::string& name, const std::vector<std::int64_t>& values) {
  auto* attribute = node->add_attribute();
  attribute->set_name(name);
  attribute->set_type(onnx::AttributeProto::INTS);
  for (const std::int64_t value : values) attribute->add_ints(value);
}

class OnnxImport : public test::TemporaryDirectory {
 protected:
  std::filesystem::path write(const std::string& bytes) const {
    std::ofstream(path("m.onnx"), std::ios::binary) << bytes;
    return path("m.onnx");
  }
  OnnxNetwork import(const ModelBuilder& builder) const { return read_onnx(write(builder.model.SerializeAsString())); }
  std::string refusal(const std::string& bytes) const {
    try {
      static_cast<void>(read_onnx(write(bytes)));
    } catch (const base::Error& error) {
      EXPECT_EQ(error.kind(), base::ErrorKind::data);
      EXPECT_THAT(error.what(), HasSubstr("m.onnx"));
      return error.what();
    }
    return "accepted";
  }
  std::string refusal(const ModelBuilder& builder) const { return refusal(builder.model.SerializeAsString()); }
};

/// x (1 x 2) -> Gemm (transB) -> Relu -> MatMul -> Add
ModelBuilder two_layers() {
  ModelBuilder builder({1, 2});
  builder.constant("w1", {3, 2}, {1, 2, 3, 4, 5, 6});
  builder.constant("b1", {3}, {0.1F, 0.2F, 0.3F});
  builder.constant("w2", {3, 2}, {1, -1, 2, -2, 3, -3});
  builder.constant("b2", {2}, {7, 8});
  set(builder.node("Gemm", {"x", "w1", "b1"}, "h"), "transB", 1);
  builder.node("Relu", {"h"}, "r");
  builder.node("MatMul", {"r", "w2"}, "m");
  builder.node("Add", {"m", "b2"}, "y");
  return builder;
}

TEST_F(OnnxImport, KeepsTheWeightsOfGemmAndMatMulBitByBit) {
  const OnnxNetwork made = import(two_layers());
  ASSERT_EQ(made.network.layers.size(), 2U);
  EXPECT_EQ(made.network.layers[0].weight, (nn::WeightMatrix(3, 2) << 1, 2, 3, 4, 5, 6).finished());
  EXPECT_EQ(made.network.layers[0].bias, Eigen::Vector3f(0.1F, 0.2F, 0.3F));
  EXPECT_EQ(made.network.layers[1].weight, (nn::WeightMatrix(2, 3) << 1, 2, 3, -1, -2, -3).finished());
  EXPECT_EQ(made.network.layers[1].bias, Eigen::Vector2f(7, 8));
  EXPECT_EQ(made.weight_rounding, 0);
  EXPECT_LT(made.largest_difference, 1e-12);
  EXPECT_TRUE(made.notes.empty());
}

TEST_F(OnnxImport, FusesWhatNormalisesTheInput) {
  ModelBuilder builder({1, 2, 1});
  builder.constant("mean", {1}, {0.5F});
  builder.constant("scale", {2, 1}, {2, 4});
  builder.constant("w", {2, 1}, {3, 5});
  builder.node("Sub", {"x", "mean"}, "centred");
  builder.node("Div", {"centred", "scale"}, "scaled");
  set(builder.node("Flatten", {"scaled"}, "flat"), "axis", 1);
  builder.node("MatMul", {"flat", "w"}, "y");
  const OnnxNetwork made = import(builder);
  ASSERT_EQ(made.network.layers.size(), 1U);
  EXPECT_EQ(made.network.layers[0].weight, (nn::WeightMatrix(1, 2) << 1.5F, 1.25F).finished());
  EXPECT_EQ(made.network.layers[0].bias(0), -1.375F);
}

TEST_F(OnnxImport, LeavesOutASoftmaxAtTheEndWithANote) {
  ModelBuilder builder({1, 2});
  builder.constant("w", {2, 2}, {1, 2, 3, 4});
  builder.node("MatMul", {"x", "w"}, "z");
  builder.node("Softmax", {"z"}, "y");
  const OnnxNetwork made = import(builder);
  EXPECT_EQ(made.network.layers[0].weight, (nn::WeightMatrix(2, 2) << 1, 3, 2, 4).finished());
  ASSERT_EQ(made.notes.size(), 1U);
  EXPECT_THAT(made.notes[0], HasSubstr("Softmax 'y'"));
  builder.node("Relu", {"z"}, "unused");
  EXPECT_EQ(import(builder).network.layers.front().weight, made.network.layers[0].weight);
}

TEST_F(OnnxImport, ReadsDataBesideTheModel) {
  ModelBuilder builder({1, 2});
  auto* tensor = builder.constant("w", {2, 1}, {});
  tensor->set_data_location(onnx::TensorProto::EXTERNAL);
  const auto entry = [&](const std::string& key, const std::string& value) {
    auto* made = tensor->add_external_data();
    made->set_key(key);
    made->set_value(value);
  };
  entry("location", "w.bin");
  entry("offset", "4");
  builder.node("MatMul", {"x", "w"}, "y");
  const float values[]{0, 1.5F, -2};
  std::ofstream(path("w.bin"), std::ios::binary).write(reinterpret_cast<const char*>(values), sizeof values);
  EXPECT_EQ(import(builder).network.layers[0].weight, (nn::WeightMatrix(1, 2) << 1.5F, -2).finished());
  std::filesystem::resize_file(path("w.bin"), 11);
  EXPECT_THAT(refusal(builder), HasSubstr("8 bytes from byte 4"));
  tensor->mutable_external_data(0)->set_value("../w.bin");
  EXPECT_THAT(refusal(builder), HasSubstr("in the folder of the model"));
}

TEST_F(OnnxImport, EqualPaddingOfBothKindsIsThatOfExplicitPads) {
  base::RandomStream random(7, "onnx");
  for (const bool upper : {false, true})
    for (const std::int64_t stride : {1, 2, 3})
      for (const std::int64_t extent : {5, 6}) {
        std::vector<float> filter(2 * 1 * 4 * 4);
        for (float& value : filter) value = static_cast<float>(random.uniform(-1, 1));
        const auto build = [&](bool is_explicit) {
          ModelBuilder builder({1, 1, extent, extent});
          builder.constant("w", {2, 1, 4, 4}, filter);
          auto* node = builder.node("Conv", {"x", "w"}, "y");
          set_list(node, "strides", {stride, stride});
          if (is_explicit) {
            const std::int64_t outputs = (extent + stride - 1) / stride, total = (outputs - 1) * stride + 4 - extent;
            const std::int64_t low = upper ? total / 2 : (total + 1) / 2;
            set_list(node, "pads", {low, low, total - low, total - low});
          } else {
            auto* attribute = node->add_attribute();
            attribute->set_name("auto_pad");
            attribute->set_type(onnx::AttributeProto::STRING);
            attribute->set_s(upper ? "SAME_UPPER" : "SAME_LOWER");
          }
          return import(builder).network.layers[0].weight;
        };
        EXPECT_EQ(build(true), build(false)) << stride << " " << extent;
      }
}

TEST_F(OnnxImport, WhatIsWrittenIsReadBackBitByBit) {
  for (const std::vector<int>& widths : {std::vector<int>{4, 3}, {7, 5, 5, 2}, {1, 1, 1}}) {
    nn::Network network;
    base::RandomStream random(widths.size(), "written network");
    for (std::size_t k = 0; k + 1 < widths.size(); ++k) {
      network.layers.push_back({.weight = nn::WeightMatrix(widths[k + 1], widths[k]), .bias = Eigen::VectorXf(widths[k + 1])});
      for (float& w : network.layers.back().weight.reshaped())
        w = static_cast<float>(random.uniform(-1, 1) * std::exp2(random.uniform(-140, 20)));
      for (float& b : network.layers.back().bias) b = static_cast<float>(random.uniform(-1, 1));
    }
    network.layers.front().weight(0, 0) = 0;
    write_onnx(path("written.onnx"), network);
    const OnnxNetwork read = read_onnx(path("written.onnx"));
    EXPECT_EQ(read.weight_rounding, 0);
    ASSERT_EQ(read.network.layers.size(), network.layers.size());
    for (std::size_t k = 0; k < network.layers.size(); ++k) {
      EXPECT_EQ(read.network.layers[k].weight, network.layers[k].weight);
      EXPECT_EQ(read.network.layers[k].bias, network.layers[k].bias);
    }
  }
  EXPECT_THROW(write_onnx(path("no/such/folder.onnx"), import(two_layers()).network), base::Error);
}

TEST_F(OnnxImport, RefusesWhatIsNoModel) {
  const std::string whole = two_layers().model.SerializeAsString();
  EXPECT_THAT(refusal(""), HasSubstr("expected an ONNX model"));
  EXPECT_THAT(refusal("no model"), HasSubstr("expected an ONNX model"));
  for (std::size_t size = 1; size < whole.size(); size += 7) EXPECT_NE(refusal(whole.substr(0, size)), "accepted") << size;
}

struct Fault {
  std::function<void(ModelBuilder&)> break_it;
  std::string message;
};

TEST_F(OnnxImport, RefusesFaultsByPlaceAndExpectation) {
  const std::vector<Fault> faults{
      {[](ModelBuilder& b) { b.model.mutable_opset_import(0)->set_version(5); }, "opset: expected version 6 or later"},
      {[](ModelBuilder& b) { b.graph()->mutable_node(1)->set_op_type("Tanh"); }, "Tanh 'r': expected one of the operators Relu, Add,"},
      {[](ModelBuilder& b) { b.graph()->mutable_node(0)->set_domain("com.example"); }, "expected an operator of ai.onnx"},
      {[](ModelBuilder& b) { b.graph()->mutable_initializer()->DeleteSubrange(0, 1); }, "Gemm 'h': expected inputs that an earlier node"},
      {[](ModelBuilder& b) { b.graph()->mutable_node(0)->set_input(0, "m"); }, "found 'm'"},  // a cycle
      {[](ModelBuilder& b) { b.graph()->mutable_initializer(0)->set_float_data(1, NAN); }, "initialiser 'w1': expected finite numbers"},
      {[](ModelBuilder& b) { b.graph()->mutable_initializer(0)->set_float_data(1, INFINITY); }, "expected finite numbers, found inf"},
      {[](ModelBuilder& b) { b.graph()->mutable_initializer(0)->add_float_data(1); }, "expected 6 numbers for the shape [3, 2], found 7"},
      {[](ModelBuilder& b) { b.graph()->mutable_initializer(0)->set_raw_data("12345"); },
       "expected 24 bytes for the shape [3, 2], found 5"},
      {[](ModelBuilder& b) { b.graph()->mutable_initializer(0)->set_dims(0, 5368709120); }, "expected at most 1073741824 elements"},
      {[](ModelBuilder& b) { b.graph()->mutable_initializer(0)->set_dims(0, -3); }, "expected at most 1073741824 elements"},
      {[](ModelBuilder& b) { b.graph()->mutable_initializer(0)->set_data_type(onnx::TensorProto::STRING); }, "expected float, double"},
      {[](ModelBuilder& b) { b.graph()->mutable_node(0)->mutable_attribute(0)->set_i(0); }, "expected shapes whose product exists"},
      {[](ModelBuilder& b) {
         b.constant("b3", {3}, {1, 2, 3}), b.graph()->mutable_node(3)->set_input(1, "b3");
       },
       "can be broadcast"},
      {[](ModelBuilder& b) { b.graph()->mutable_node(3)->set_input(1, "x"); }, "a residual connection"},
      {[](ModelBuilder& b) { b.graph()->mutable_node(3)->set_output(0, "z"); }, "output: expected what a node makes, found 'y'"},
      {[](ModelBuilder& b) { b.graph()->mutable_node(3)->set_output(0, "m"); }, "expected an output of its own, found 'm' again"},
      {[](ModelBuilder& b) { b.graph()->mutable_output(0)->set_name("b1"); }, "does not depend on it"},
      {[](ModelBuilder& b) { *b.graph()->add_input() = b.graph()->input(0), b.graph()->mutable_input(1)->set_name("x2"); }, "one input"},
      {[](ModelBuilder& b) { b.graph()->add_output()->set_name("m"); }, "graph: expected one output, found 2"},
      {[](ModelBuilder& b) { b.graph()->mutable_input(0)->mutable_type()->clear_tensor_type(); }, "input 'x': expected a shape"},
      {[](ModelBuilder& b) { b.graph()->mutable_node(0)->clear_input(); }, "Gemm 'h': expected 2 inputs, found 0"},
      {[](ModelBuilder& b) { b.graph()->mutable_node(1)->clear_input(); }, "Relu 'r': expected one input, found 0"},
      {[](ModelBuilder& b) { b.graph()->mutable_node(2)->set_input(1, ""); }, "MatMul 'm': expected 2 inputs"},
  };
  for (const Fault& fault : faults) {
    ModelBuilder builder = two_layers();
    fault.break_it(builder);
    EXPECT_THAT(refusal(builder), HasSubstr(fault.message));
  }
}

onnx::TensorProto read_tensor_file(const std::filesystem::path& file) {
  onnx::TensorProto tensor;
  std::ifstream in(file, std::ios::binary);
  EXPECT_TRUE(in && tensor.ParseFromIstream(&in)) << file;
  return tensor;
}

Eigen::VectorXd values_of(const onnx::TensorProto& tensor) {
  EXPECT_EQ(tensor.data_type(), onnx::TensorProto::FLOAT);
  Eigen::VectorXf values(static_cast<Eigen::Index>(tensor.raw_data().size() / sizeof(float)));
  std::memcpy(values.data(), tensor.raw_data().data(), tensor.raw_data().size());
  return values.cast<double>();
}

// The files of the ONNX project that show what each operator does, made by it; Debian's libonnx-testdata. Their inputs but the first, which
// are variables there, become initialisers.
TEST_F(OnnxImport, ComputesWhatTheProjectsOwnTestDataSays) {
  const std::filesystem::path data = "/usr/share/libonnx-testdata/data/node";
  if (!std::filesystem::exists(data)) GTEST_SKIP() << "no libonnx-testdata";
  int equal = 0;
  std::vector<std::string> refused;
  for (const std::string operation :
       {"gemm", "matmul", "add", "sub", "mul", "div", "conv", "basic_conv", "averagepool", "globalaveragepool", "batchnorm", "flatten",
        "reshape", "squeeze", "unsqueeze", "transpose", "identity", "dropout"})
    for (const auto& entry : std::filesystem::directory_iterator(data)) {
      const std::string name = entry.path().filename();
      if (name.rfind("test_" + operation + "_", 0) != 0 && name != "test_" + operation) continue;
      onnx::ModelProto model;
      std::ifstream in(entry.path() / "model.onnx", std::ios::binary);
      ASSERT_TRUE(model.ParseFromIstream(&in)) << name;
      const std::filesystem::path set = entry.path() / "test_data_set_0";
      for (int k = 1; k < model.graph().input_size(); ++k) {
        if (!std::filesystem::exists(set / fmt::format("input_{}.pb", k))) continue;
        *model.mutable_graph()->add_initializer() = read_tensor_file(set / fmt::format("input_{}.pb", k));
        model.mutable_graph()->mutable_initializer(model.graph().initializer_size() - 1)->set_name(model.graph().input(k).name());
      }
      while (model.graph().output_size() > 1) model.mutable_graph()->mutable_output()->RemoveLast();
      OnnxNetwork made;
      try {
        made = read_onnx(write(model.SerializeAsString()));
      } catch (const base::Error& error) {
        EXPECT_EQ(error.kind(), base::ErrorKind::data) << name;
        EXPECT_THAT(error.what(), HasSubstr("expected"));
        refused.push_back(name);
        continue;
      }
      const Eigen::VectorXd expected = values_of(read_tensor_file(set / "output_0.pb"));
      const Eigen::VectorXd found = nn::forward(made.network, values_of(read_tensor_file(set / "input_0.pb")));
      ASSERT_EQ(found.size(), expected.size()) << name;
      EXPECT_LT((found - expected).cwiseAbs().maxCoeff(), 1e-4 * (1 + expected.cwiseAbs().maxCoeff())) << name;
      ++equal;
    }
  EXPECT_GE(equal, 80);
  EXPECT_LE(refused.size(), 30U) << testing::PrintToString(refused);
}

}  // namespace
}  // namespace espalier::formats
