#include "espalier/formats/onnx.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "espalier/base/error.hpp"
#include "espalier/base/random.hpp"
#include "espalier/base/text.hpp"
#include "formats/onnx_evaluation.hpp"
#include "formats/onnx_operators.hpp"

namespace espalier::formats {

namespace {

constexpr int checked_inputs = 8;
constexpr double most_difference = 1e-4;
constexpr std::int64_t most_weights = std::int64_t{1} << 26;  // 256 MiB: convolutions are not kept sparse

class Importer {
 public:
  explicit Importer(const OnnxGraph& graph) : graph_(graph) {}

  OnnxNetwork run() {
    for (const auto& [name, tensor] : graph_.constants) tensors_[name] = constant_tensor(tensor);
    tensors_[graph_.input] = identity_tensor(graph_.input_shape, 0);
    for (const OnnxNode& node : graph_.nodes) {
      std::vector<const AffineTensor*> inputs;
      for (const std::string& input : node.inputs) inputs.push_back(input.empty() ? nullptr : &find(node, input));
      if (is_final(node) && node.outputs.front() == graph_.output && inputs.size() == 1) {
        made_.notes.push_back(node.name + " at the end is left out: the outputs are what enters it");
        tensors_[node.outputs.front()] = *inputs.front();
      } else {
        tensors_[node.outputs.front()] = node.operation == "Relu" ? rectified(node, inputs) : apply_operator(node, inputs);
      }
    }
    const AffineTensor& output = tensors_.at(graph_.output);
    if (output.is_constant() || output.layer != made_.network.layers.size())
      base::fail(base::ErrorKind::data, "output '{}': expected what the last Relu leads to, found what does not depend on it",
                 graph_.output);
    add_layer(output);
    return std::move(made_);
  }

 private:
  static bool is_final(const OnnxNode& node) {
    return node.operation == "Softmax" || node.operation == "LogSoftmax" || node.operation == "ArgMax";
  }

  AffineTensor rectified(const OnnxNode& node, const std::vector<const AffineTensor*>& inputs) {
    if (inputs.size() != 1 || inputs.front() == nullptr)
      base::fail(base::ErrorKind::data, "{}: expected one input, found {}", node.name, inputs.size());
    const AffineTensor& tensor = *inputs.front();
    if (tensor.is_constant()) {
      AffineTensor made = tensor;
      made.bias = made.bias.cwiseMax(0.0);
      return made;
    }
    if (tensor.layer != made_.network.layers.size())
      base::fail(base::ErrorKind::data, "{}: expected what the last Relu leads to, found a branch from before it (a residual connection)",
                 node.name);
    add_layer(tensor);
    return identity_tensor(tensor.shape, made_.network.layers.size());
  }

  void add_layer(const AffineTensor& tensor) {
    if (tensor.weight.rows() * tensor.weight.cols() > most_weights)
      base::fail(base::ErrorKind::data, "layer {}: expected at most {} weights as a full matrix, found {} x {}",
                 made_.network.layers.size(), most_weights, tensor.weight.rows(), tensor.weight.cols());
    nn::Layer layer{.weight = nn::WeightMatrix::Zero(tensor.weight.rows(), tensor.weight.cols()),
                    .bias = Eigen::VectorXf(tensor.bias.size())};
    for (std::int64_t i = 0; i < tensor.weight.rows(); ++i) {
      for (SparseRows::InnerIterator entry(tensor.weight, i); entry; ++entry) layer.weight(i, entry.col()) = rounded(entry.value());
      layer.bias(i) = rounded(tensor.bias(i));
    }
    made_.network.layers.push_back(std::move(layer));
  }

  float rounded(double value) {
    const auto narrow = static_cast<float>(value);
    made_.weight_rounding = std::max(made_.weight_rounding, std::abs(value - static_cast<double>(narrow)));
    return narrow;
  }

  const AffineTensor& find(const OnnxNode& node, const std::string& name) const {
    const auto found = tensors_.find(name);
    if (found == tensors_.end())
      base::fail(base::ErrorKind::data, "{}: expected the first output of a node, found '{}'", node.name, base::printable(name));
    return found->second;
  }

  const OnnxGraph& graph_;
  std::map<std::string, AffineTensor> tensors_;
  OnnxNetwork made_;
};

/// Random inputs of several scales through both.
double compare(const OnnxGraph& graph, const nn::Network& network) {
  base::RandomStream random(1, "check of an ONNX import");
  double largest = 0;
  for (int k = 0; k < checked_inputs; ++k) {
    const double scale = k % 2 == 0 ? 1 : 8;
    std::vector<double> input;
    for (Eigen::Index i = 0; i < network.inputs(); ++i) input.push_back(random.uniform(k % 4 < 2 ? 0 : -scale, scale));
    const std::vector<double> expected = evaluate(graph, input);
    const Eigen::VectorXd found = nn::forward(network, Eigen::Map<const Eigen::VectorXd>(input.data(), network.inputs()));
    if (static_cast<Eigen::Index>(expected.size()) != found.size()) return INFINITY;
    double size = 0, difference = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      size = std::max(size, std::abs(expected[i]));
      difference = std::max(difference, std::abs(expected[i] - found(static_cast<Eigen::Index>(i))));
    }
    largest = std::max(largest, difference / (1 + size));
  }
  return largest;
}

/// The graph without what the importer leaves out at its end.
OnnxGraph without_final(OnnxGraph graph, bool has_final) {
  if (!has_final) return graph;
  graph.output = graph.nodes.back().inputs.front();  // the output needs all nodes
  graph.nodes.pop_back();
  return graph;
}

}  // namespace

OnnxNetwork read_onnx(const std::filesystem::path& file) {
  const OnnxGraph graph = read_graph(file);
  OnnxNetwork made;
  try {
    made = Importer(graph).run();
    made.network.check();
  } catch (const base::Error& error) {
    base::fail(error.kind(), "{}: {}", file.string(), error.what());
  }
  made.largest_difference = compare(without_final(graph, !made.notes.empty()), made.network);
  if (!(made.largest_difference <= most_difference))
    base::fail(base::ErrorKind::internal, "{}: expected the network to compute what the file's graph does, found a difference of {:.3g}",
               file.string(), made.largest_difference);
  return made;
}

}  // namespace espalier::formats
