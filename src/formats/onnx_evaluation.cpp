#include "formats/onnx_evaluation.hpp"

#include <algorithm>
#include <cmath>

#include "espalier/base/error.hpp"

namespace espalier::formats {

namespace {

using Values = std::vector<double>;

std::size_t at(std::int64_t index) { return static_cast<std::size_t>(index); }

/// What a tensor of shape `from` has at element `i` of the larger shape `to`.
double broadcast_value(const OnnxTensor& tensor, const Shape& to, std::int64_t i) {
  std::int64_t place = 0, stride = 1;
  for (std::size_t d = 0; d < to.size(); ++d) {
    const std::int64_t extent = to[to.size() - 1 - d], index = i % extent;
    i /= extent;
    if (d >= tensor.shape.size()) continue;
    const std::int64_t own = tensor.shape[tensor.shape.size() - 1 - d];
    if (own != 1) place += stride * index;
    stride *= own;
  }
  return tensor.values[at(place)];
}

OnnxTensor element_wise(const OnnxTensor& a, const OnnxTensor& b, double (*combine)(double, double)) {
  OnnxTensor made;
  for (std::size_t d = 0; d < std::max(a.shape.size(), b.shape.size()); ++d) {
    const std::int64_t x = d < a.shape.size() ? a.shape[a.shape.size() - 1 - d] : 1,
                       y = d < b.shape.size() ? b.shape[b.shape.size() - 1 - d] : 1;
    made.shape.insert(made.shape.begin(), std::max(x, y));
  }
  for (std::int64_t i = 0, n = elements(made.shape); i < n; ++i)
    made.values.push_back(combine(broadcast_value(a, made.shape, i), broadcast_value(b, made.shape, i)));
  return made;
}

OnnxTensor transpose(const OnnxTensor& tensor, Shape order) {
  const std::size_t rank = tensor.shape.size();
  if (order.empty())
    for (std::size_t d = 0; d < rank; ++d) order.push_back(static_cast<std::int64_t>(rank - 1 - d));
  OnnxTensor made;
  for (const std::int64_t d : order) made.shape.push_back(tensor.shape[at(d)]);
  Shape index(rank, 0);
  for (std::int64_t i = 0, n = elements(made.shape); i < n; ++i) {
    std::int64_t rest = i;
    for (std::size_t d = rank; d-- > 0;) {
      index[at(order[d])] = rest % made.shape[d];
      rest /= made.shape[d];
    }
    std::int64_t place = 0;
    for (std::size_t d = 0; d < rank; ++d) place = place * tensor.shape[d] + index[d];
    made.values.push_back(tensor.values[at(place)]);
  }
  return made;
}

/// a . b of matrices, or of batches of them; the operands of Gemm may be turned.
OnnxTensor matrix_product(const OnnxTensor& a, const OnnxTensor& b, bool turn_a = false, bool turn_b = false) {
  Shape left = a.shape.size() == 1 ? Shape{1, a.shape[0]} : a.shape, right = b.shape.size() == 1 ? Shape{b.shape[0], 1} : b.shape;
  if (turn_a) std::swap(left[0], left[1]);
  if (turn_b) std::swap(right[0], right[1]);
  const std::int64_t m = left[left.size() - 2], inner = left.back(), n = right.back();
  const std::int64_t batch_a = elements(left) / (m * inner), batch_b = elements(right) / (inner * n);
  if (batch_a != batch_b && batch_a != 1 && batch_b != 1)
    base::fail(base::ErrorKind::data, "MatMul: batches of {} and {}", batch_a, batch_b);
  OnnxTensor made{.shape = left.size() >= right.size() ? left : right, .values = {}};
  made.shape[made.shape.size() - 2] = m;
  made.shape.back() = n;
  made.values.assign(at(std::max(batch_a, batch_b) * m * n), 0.0);
  for (std::int64_t batch = 0; batch < std::max(batch_a, batch_b); ++batch) {
    const double* of_a = a.values.data() + (batch_a == 1 ? 0 : batch) * m * inner;
    const double* of_b = b.values.data() + (batch_b == 1 ? 0 : batch) * inner * n;
    double* target = made.values.data() + batch * m * n;
    for (std::int64_t i = 0; i < m; ++i)
      for (std::int64_t k = 0; k < inner; ++k) {
        const double factor = of_a[turn_a ? k * m + i : i * inner + k];
        for (std::int64_t j = 0; j < n; ++j) target[i * n + j] += factor * of_b[turn_b ? j * inner + k : k * n + j];
      }
  }
  if (b.shape.size() == 1) made.shape.pop_back();
  if (a.shape.size() == 1) made.shape.erase(made.shape.end() - (b.shape.size() == 1 ? 1 : 2));
  return made;
}

Shape list_or(const OnnxNode& node, const std::string& name, std::size_t size, std::int64_t standard) {
  const auto found = node.integer_lists.find(name);
  return found != node.integer_lists.end() ? found->second : Shape(size, standard);
}

/// Before each dimension, then behind each.
Shape padding_of(const OnnxNode& node, const Shape& image, const Shape& kernel, const Shape& strides, const Shape& dilations) {
  const std::size_t rank = image.size() - 2;
  Shape pads = list_or(node, "pads", 2 * rank, 0);
  const std::string rule = node.text("auto_pad");
  if (rule.rfind("SAME", 0) != 0) return pads;
  for (std::size_t d = 0; d < rank; ++d) {
    const std::int64_t stride = strides[3 - rank + d], reach = dilations[3 - rank + d] * (kernel[3 - rank + d] - 1);
    const std::int64_t last = (image[d + 2] - 1) / stride * stride;  // where the last window begins, without padding
    const std::int64_t missing = std::max<std::int64_t>(0, last + reach - (image[d + 2] - 1));
    pads[d] = (missing + (rule == "SAME_LOWER" ? 1 : 0)) / 2;
    pads[d + rank] = missing - pads[d];
  }
  return pads;
}

/// A window over an image of one, two or three dimensions, all written as three.
OnnxTensor slide(const OnnxNode& node, const OnnxTensor& image, const OnnxTensor* filters, const OnnxTensor* bias) {
  const std::size_t rank = image.shape.size() - 2;
  const auto three = [rank](Shape list, std::int64_t standard) {
    list.insert(list.begin(), 3 - rank, standard);
    return list;
  };
  const Shape extent = three(Shape(image.shape.begin() + 2, image.shape.end()), 1);
  const Shape own = Shape(image.shape.begin() + 2, image.shape.end());
  const Shape kernel = three(filters                                 ? Shape(filters->shape.begin() + 2, filters->shape.end())
                             : node.operation == "GlobalAveragePool" ? own
                                                                     : list_or(node, "kernel_shape", rank, 1),
                             1);
  const Shape strides = three(list_or(node, "strides", rank, 1), 1), dilations = three(list_or(node, "dilations", rank, 1), 1);
  const Shape pads = padding_of(node, image.shape, kernel, strides, dilations);
  const Shape before = three(Shape(pads.begin(), pads.begin() + static_cast<std::ptrdiff_t>(rank)), 0);
  const Shape behind = three(Shape(pads.begin() + static_cast<std::ptrdiff_t>(rank), pads.end()), 0);
  Shape out(3);
  for (std::size_t d = 0; d < 3; ++d) out[d] = (extent[d] + before[d] + behind[d] - dilations[d] * (kernel[d] - 1) - 1) / strides[d] + 1;
  const std::int64_t channels = image.shape[1], outputs = filters ? filters->shape[0] : channels;
  const std::int64_t depth = filters ? filters->shape[1] : 1, per_group = outputs / node.integer("group", filters ? 1 : channels);
  OnnxTensor made{.shape = {1, outputs}, .values = {}};
  for (std::size_t d = 3 - rank; d < 3; ++d) made.shape.push_back(out[d]);
  for (std::int64_t o = 0; o < outputs; ++o)
    for (std::int64_t cell = 0; cell < elements(out); ++cell) {
      const Shape place{cell / (out[1] * out[2]), cell / out[2] % out[1], cell % out[2]};
      double sum = bias ? bias->values[at(o)] : 0.0;
      std::int64_t seen = 0;
      for (std::int64_t c = 0; c < depth; ++c)
        for (std::int64_t tap = 0; tap < elements(kernel); ++tap) {
          const Shape offset{tap / (kernel[1] * kernel[2]), tap / kernel[2] % kernel[1], tap % kernel[2]};
          Shape x(3);
          bool inside = true;
          for (std::size_t d = 0; d < 3; ++d) {
            x[d] = place[d] * strides[d] + offset[d] * dilations[d] - before[d];
            inside = inside && x[d] >= 0 && x[d] < extent[d];
          }
          if (!inside) continue;
          ++seen;
          const std::int64_t channel = o / per_group * depth + c;
          const double value = image.values[at(((channel * extent[0] + x[0]) * extent[1] + x[1]) * extent[2] + x[2])];
          sum += filters ? value * filters->values[at((o * depth + c) * elements(kernel) + tap)] : value;
        }
      if (!filters) sum /= static_cast<double>(node.integer("count_include_pad", 0) != 0 ? elements(kernel) : seen);
      made.values.push_back(sum);
    }
  return made;
}

OnnxTensor normalise(const OnnxNode& node, const std::vector<const OnnxTensor*>& in) {
  OnnxTensor made = *in[0];
  const std::size_t channels = in[1]->values.size(), area = made.values.size() / channels / at(made.shape[0]);
  for (std::size_t i = 0; i < made.values.size(); ++i) {
    const std::size_t c = i / area % channels;
    made.values[i] =
        in[1]->values[c] * (made.values[i] - in[3]->values[c]) / std::sqrt(in[4]->values[c] + node.real("epsilon", double{1e-5F})) +
        in[2]->values[c];
  }
  return made;
}

OnnxTensor run_gemm(const OnnxNode& node, const std::vector<const OnnxTensor*>& in) {
  OnnxTensor made = matrix_product(*in[0], *in[1], node.integer("transA", 0) != 0, node.integer("transB", 0) != 0);
  for (double& value : made.values) value *= node.real("alpha", 1);
  if (in.size() < 3 || in[2] == nullptr) return made;
  OnnxTensor added = *in[2];
  for (double& value : added.values) value *= node.real("beta", 1);
  return element_wise(made, added, [](double a, double b) { return a + b; });
}

/// The shape of what only relabels: taken from the operator's definition once more, since a wrong one moves no element, but what follows.
OnnxTensor relabel(const OnnxNode& node, const std::vector<const OnnxTensor*>& in) {
  OnnxTensor made = *in[0];
  const auto size = static_cast<std::int64_t>(made.values.size());
  Shape list;
  for (const char* name : {"shape", "axes"})
    if (const auto found = node.integer_lists.find(name); found != node.integer_lists.end()) list = found->second;
  if (in.size() > 1 && in[1] != nullptr)
    for (const double value : in[1]->values) list.push_back(static_cast<std::int64_t>(value));
  const auto rank = static_cast<std::int64_t>(made.shape.size());
  if (node.operation == "Flatten") {
    const std::int64_t axis = (node.integer("axis", 1) + (node.integer("axis", 1) < 0 ? rank : 0));
    std::int64_t rows = 1;
    for (std::int64_t d = 0; d < axis; ++d) rows *= made.shape[at(d)];
    made.shape = {rows, size / rows};
  } else if (node.operation == "Reshape") {
    std::int64_t product = 1;
    for (std::size_t d = 0; d < list.size(); ++d) {
      if (list[d] == 0) list[d] = made.shape[d];
      if (list[d] != -1) product *= list[d];
    }
    std::replace(list.begin(), list.end(), std::int64_t{-1}, size / product);
    made.shape = list;
  } else if (node.operation == "Squeeze") {
    for (std::int64_t d = rank; d-- > 0;)
      if (made.shape[at(d)] == 1 &&
          (list.empty() || std::count(list.begin(), list.end(), d) + std::count(list.begin(), list.end(), d - rank) > 0))
        made.shape.erase(made.shape.begin() + d);
  } else if (node.operation == "Unsqueeze") {
    const std::int64_t wide = rank + static_cast<std::int64_t>(list.size());
    for (std::int64_t& axis : list) axis += axis < 0 ? wide : 0;
    std::sort(list.begin(), list.end());
    for (const std::int64_t axis : list) made.shape.insert(made.shape.begin() + axis, 1);
  }
  return made;
}

OnnxTensor run_node(const OnnxNode& node, const std::vector<const OnnxTensor*>& in) {
  const std::string& op = node.operation;
  if (op == "Add") return element_wise(*in[0], *in[1], [](double a, double b) { return a + b; });
  if (op == "Sub") return element_wise(*in[0], *in[1], [](double a, double b) { return a - b; });
  if (op == "Mul") return element_wise(*in[0], *in[1], [](double a, double b) { return a * b; });
  if (op == "Div") return element_wise(*in[0], *in[1], [](double a, double b) { return a / b; });
  if (op == "Relu") {
    OnnxTensor made = *in[0];
    for (double& value : made.values) value = value > 0 ? value : 0;
    return made;
  }
  if (op == "MatMul") return matrix_product(*in[0], *in[1]);
  if (op == "Gemm") return run_gemm(node, in);
  if (op == "Conv") return slide(node, *in[0], in[1], in.size() > 2 ? in[2] : nullptr);
  if (op == "AveragePool" || op == "GlobalAveragePool") return slide(node, *in[0], nullptr, nullptr);
  if (op == "BatchNormalization") return normalise(node, in);
  if (op == "Transpose") return transpose(*in[0], list_or(node, "perm", 0, 0));
  return relabel(node, in);
}

}  // namespace

std::vector<double> evaluate(const OnnxGraph& graph, const std::vector<double>& input) {
  std::map<std::string, OnnxTensor> made;
  made[graph.input] = {graph.input_shape, input};
  for (const OnnxNode& node : graph.nodes) {
    std::vector<const OnnxTensor*> in;
    for (const std::string& name : node.inputs) {
      const auto constant = graph.constants.find(name);
      in.push_back(name.empty() ? nullptr : constant != graph.constants.end() ? &constant->second : &made.at(name));
    }
    made[node.outputs.front()] = run_node(node, in);
  }
  return made.at(graph.output).values;
}

}  // namespace espalier::formats
