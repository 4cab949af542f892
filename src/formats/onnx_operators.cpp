#include "formats/onnx_operators.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include "formats/onnx_windows.hpp"

namespace espalier::formats {

namespace {

Shape strides_of(const Shape& shape) {
  Shape strides(shape.size(), 1);
  for (std::size_t d = shape.size(); d-- > 1;) strides[d - 1] = strides[d] * shape[d];
  return strides;
}

// Element by element.

Shape broadcast_shape(const OnnxNode& node, const Shape& a, const Shape& b) {
  Shape shape(std::max(a.size(), b.size()), 1);
  for (std::size_t d = 0; d < shape.size(); ++d) {
    const std::int64_t left = d < a.size() ? a[a.size() - 1 - d] : 1, right = d < b.size() ? b[b.size() - 1 - d] : 1;
    if (left != right && left != 1 && right != 1) node.refuse("shapes that can be broadcast", describe(a) + " and " + describe(b));
    shape[shape.size() - 1 - d] = left == 1 ? right : left;
  }
  check_products(node, shape);
  return shape;
}

AffineTensor broadcast(AffineTensor tensor, const Shape& shape) {
  if (tensor.shape == shape) return tensor;
  const Shape strides = strides_of(tensor.shape);
  std::vector<std::int64_t> from;
  from.reserve(static_cast<std::size_t>(elements(shape)));
  const std::size_t lead = shape.size() - tensor.shape.size();
  for_each_index(shape, [&](const Shape& index) {
    std::int64_t at = 0;
    for (std::size_t d = 0; d < tensor.shape.size(); ++d)
      if (tensor.shape[d] != 1) at += strides[d] * index[d + lead];
    from.push_back(at);
  });
  return gathered(from, tensor, shape);
}

AffineTensor sum(const OnnxNode& node, AffineTensor a, const AffineTensor& b, double sign) {
  const Shape shape = broadcast_shape(node, a.shape, b.shape);
  AffineTensor left = broadcast(std::move(a), shape);
  const AffineTensor right = broadcast(b, shape);
  left.bias += sign * right.bias;
  if (left.is_constant()) {
    left.weight = sign * right.weight;
    left.layer = right.layer;
  } else if (!right.is_constant()) {
    left.weight = SparseRows(left.weight + sign * right.weight);
  }
  return left;
}

AffineTensor scaled(const OnnxNode& node, const AffineTensor& tensor, const AffineTensor& factors, bool divides) {
  if (!factors.is_constant())
    node.refuse(divides ? "a constant divisor" : "a constant factor", "two tensors that depend on the input of the network");
  const Shape shape = broadcast_shape(node, tensor.shape, factors.shape);
  const Eigen::VectorXd by = broadcast(factors, shape).bias;
  AffineTensor made = broadcast(tensor, shape);
  for (std::int64_t i = 0; i < by.size(); ++i) {
    if (divides && by(i) == 0) node.refuse("a divisor that is not 0", "0");
    made.bias(i) = divides ? made.bias(i) / by(i) : made.bias(i) * by(i);
    for (SparseRows::InnerIterator entry(made.weight, i); entry; ++entry)
      entry.valueRef() = divides ? entry.value() / by(i) : entry.value() * by(i);
  }
  return made;
}

// Products.

/// C(b, i, j) = sum_k A(b, i, k) B(b, k, j), one of them constant.
AffineTensor product(const OnnxNode& node, const AffineTensor& a, const AffineTensor& b) {
  if (!a.is_constant() && !b.is_constant()) node.refuse("a constant factor", "two tensors that depend on the input of the network");
  if (a.shape.empty() || b.shape.empty()) node.refuse("vectors or matrices", "a scalar");
  Shape left = a.shape, right = b.shape;
  if (left.size() == 1) left.insert(left.begin(), 1);
  if (right.size() == 1) right.push_back(1);
  const std::int64_t m = left[left.size() - 2], inner = left.back(), n = right.back();
  if (right[right.size() - 2] != inner) node.refuse("shapes whose product exists", describe(a.shape) + " and " + describe(b.shape));
  const Shape batch = broadcast_shape(node, Shape(left.begin(), left.end() - 2), Shape(right.begin(), right.end() - 2));
  const auto place = [&](const Shape& own, const Shape& index) {  // of a matrix, in matrices
    std::int64_t at = 0;
    const std::size_t count = own.size() - 2, lead = batch.size() - count;
    for (std::size_t d = 0; d < count; ++d) at = at * own[d] + (own[d] == 1 ? 0 : index[d + lead]);
    return at;
  };
  const AffineTensor& variable = a.is_constant() ? b : a;
  const Eigen::VectorXd& constants = a.is_constant() ? a.bias : b.bias;
  check_products(node, {elements(batch), m, n, inner});
  RowBuilder rows(elements(batch) * m * n, variable.bias.size(), elements({elements(batch), m, n, inner}));
  for_each_index(batch, [&](const Shape& index) {
    const std::int64_t at_a = place(left, index) * m * inner, at_b = place(right, index) * inner * n;
    for (std::int64_t i = 0; i < m; ++i)
      for (std::int64_t j = 0; j < n; ++j) {
        for (std::int64_t k = 0; k < inner; ++k) {
          const std::int64_t of_a = at_a + i * inner + k, of_b = at_b + k * n + j;
          rows.add(a.is_constant() ? of_b : of_a, constants(a.is_constant() ? of_a : of_b));
        }
        rows.end_row();
      }
  });
  Shape shape = batch;
  if (a.shape.size() > 1) shape.push_back(m);
  if (b.shape.size() > 1) shape.push_back(n);
  return mapped(rows.finish(), variable, std::move(shape));
}

AffineTensor transposed(const OnnxNode& node, const AffineTensor& tensor, std::vector<std::int64_t> order) {
  const std::size_t rank = tensor.shape.size();
  if (order.empty())
    for (std::size_t d = rank; d-- > 0;) order.push_back(static_cast<std::int64_t>(d));
  std::vector<std::int64_t> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t d = 0; d < std::max(rank, sorted.size()); ++d)
    if (sorted.size() != rank || sorted[d] != static_cast<std::int64_t>(d))
      node.refuse(fmt::format("a permutation of {} dimensions", rank), describe(order));
  const Shape strides = strides_of(tensor.shape);
  Shape shape;
  for (const std::int64_t d : order) shape.push_back(tensor.shape[static_cast<std::size_t>(d)]);
  std::vector<std::int64_t> from;
  from.reserve(static_cast<std::size_t>(elements(shape)));
  for_each_index(shape, [&](const Shape& index) {
    std::int64_t at = 0;
    for (std::size_t d = 0; d < rank; ++d) at += strides[static_cast<std::size_t>(order[d])] * index[d];
    from.push_back(at);
  });
  return gathered(from, tensor, std::move(shape));
}

AffineTensor gemm(const OnnxNode& node, const OperatorInputs& inputs) {
  for (const std::size_t k : {0, 1})
    if (inputs[k]->shape.size() != 2) node.refuse("matrices", "a tensor of shape " + describe(inputs[k]->shape));
  AffineTensor turned_a, turned_b;
  if (node.integer("transA", 0) != 0) turned_a = transposed(node, *inputs[0], {});
  if (node.integer("transB", 0) != 0) turned_b = transposed(node, *inputs[1], {});
  const AffineTensor& a = node.integer("transA", 0) != 0 ? turned_a : *inputs[0];
  const AffineTensor& b = node.integer("transB", 0) != 0 ? turned_b : *inputs[1];
  const auto times = [](AffineTensor tensor, double factor) {
    if (factor == 1) return tensor;
    tensor.weight *= factor;
    tensor.bias *= factor;
    return tensor;
  };
  AffineTensor made = times(product(node, a, b), node.real("alpha", 1));
  if (inputs.size() < 3 || inputs[2] == nullptr) return made;
  const Shape shape = made.shape;
  made = sum(node, std::move(made), times(*inputs[2], node.real("beta", 1)), 1);
  if (made.shape != shape) node.refuse("a third input that can be broadcast to " + describe(shape), describe(inputs[2]->shape));
  return made;
}

// Shapes.

AffineTensor reshaped(const OnnxNode& node, const AffineTensor& tensor, Shape shape) {
  if (elements(shape) != tensor.bias.size()) node.refuse(fmt::format("a shape of {} elements", tensor.bias.size()), describe(shape));
  AffineTensor made = tensor;
  made.shape = std::move(shape);
  return made;
}

std::int64_t axis_of(const OnnxNode& node, std::int64_t axis, std::size_t rank) {
  const auto n = static_cast<std::int64_t>(rank);
  if (axis < -n || axis > n) node.refuse(fmt::format("an axis from {} to {}", -n, n), axis);
  return axis < 0 ? axis + n : axis;
}

AffineTensor flattened(const OnnxNode& node, const AffineTensor& tensor) {
  const std::int64_t axis = axis_of(node, node.integer("axis", 1), tensor.shape.size());
  const Shape first(tensor.shape.begin(), tensor.shape.begin() + axis);
  return reshaped(node, tensor, {elements(first), tensor.bias.size() / std::max<std::int64_t>(1, elements(first))});
}

constexpr double largest_integer = 2147483648.0;

/// A list that is an attribute in old opsets, an input in new ones.
std::vector<std::int64_t> list_of(const OnnxNode& node, const OperatorInputs& inputs, const std::string& attribute) {
  if (const auto found = node.integer_lists.find(attribute); found != node.integer_lists.end()) {
    for (const std::int64_t value : found->second)
      if (std::abs(static_cast<double>(value)) >= largest_integer) node.refuse(fmt::format("{} below 2^31", attribute), value);
    return found->second;
  }
  if (inputs.size() < 2 || inputs[1] == nullptr) return {};
  if (!inputs[1]->is_constant()) node.refuse(fmt::format("a constant {}", attribute), "one that depends on the input of the network");
  std::vector<std::int64_t> list;
  for (const double value : inputs[1]->bias) {
    if (!(std::abs(value) < largest_integer)) node.refuse(fmt::format("{} below 2^31", attribute), value);
    list.push_back(static_cast<std::int64_t>(value));
  }
  return list;
}

AffineTensor reshape(const OnnxNode& node, const OperatorInputs& inputs) {
  const AffineTensor& tensor = *inputs[0];
  Shape shape = list_of(node, inputs, "shape");
  std::int64_t open = -1, known = 1;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] == 0 && node.integer("allowzero", 0) == 0 && d < tensor.shape.size()) shape[d] = tensor.shape[d];
    if (shape[d] == -1 && open < 0)
      open = static_cast<std::int64_t>(d);
    else if (__builtin_mul_overflow(known, shape[d], &known))
      node.refuse("a shape that fits", describe(shape));
  }
  if (open >= 0 && known > 0) shape[static_cast<std::size_t>(open)] = tensor.bias.size() / known;
  for (const std::int64_t extent : shape)
    if (extent < 0) node.refuse("extents of at least 0, and one -1", describe(shape));
  return reshaped(node, tensor, std::move(shape));
}

AffineTensor squeezed(const OnnxNode& node, const OperatorInputs& inputs) {
  const AffineTensor& tensor = *inputs[0];
  std::vector<bool> drops(tensor.shape.size(), false);
  const std::vector<std::int64_t> axes = list_of(node, inputs, "axes");
  for (const std::int64_t axis : axes) {
    const auto place = static_cast<std::size_t>(axis_of(node, axis, tensor.shape.size()));
    if (place == drops.size() || tensor.shape[place] != 1) node.refuse("axes of extent 1", axis);
    drops[place] = true;
  }
  Shape shape;
  for (std::size_t d = 0; d < tensor.shape.size(); ++d)
    if (axes.empty() ? tensor.shape[d] != 1 : !drops[d]) shape.push_back(tensor.shape[d]);
  return reshaped(node, tensor, std::move(shape));
}

AffineTensor unsqueezed(const OnnxNode& node, const OperatorInputs& inputs) {
  const std::vector<std::int64_t> axes = list_of(node, inputs, "axes");
  const std::size_t rank = inputs[0]->shape.size() + axes.size();
  std::vector<bool> is_new(rank, false);
  for (const std::int64_t axis : axes) {
    const std::int64_t place = axis_of(node, axis, rank);
    if (place == static_cast<std::int64_t>(rank)) node.refuse(fmt::format("axes below {}", rank), axis);
    is_new[static_cast<std::size_t>(place)] = true;
  }
  Shape shape;
  std::size_t next = 0;
  for (std::size_t d = 0; d < rank; ++d) shape.push_back(is_new[d] || next >= inputs[0]->shape.size() ? 1 : inputs[0]->shape[next++]);
  return reshaped(node, *inputs[0], std::move(shape));
}

// Images: (1, channels, height, width, ...).

AffineTensor normalised(const OnnxNode& node, const OperatorInputs& inputs) {
  const AffineTensor& tensor = *inputs[0];
  if (node.integer("training_mode", 0) != 0) node.refuse("training_mode 0", node.integer("training_mode", 0));
  if (tensor.shape.size() < 2) node.refuse("a tensor (batch, channels, ...)", describe(tensor.shape));
  for (std::size_t k = 1; k < 5; ++k)
    if (!inputs[k]->is_constant() || inputs[k]->bias.size() != tensor.shape[1])
      node.refuse(fmt::format("constants of {} channels", tensor.shape[1]), describe(inputs[k]->shape));
  AffineTensor made = tensor;
  const std::int64_t area = tensor.bias.size() / tensor.shape[0] / tensor.shape[1];
  for (std::int64_t i = 0; i < made.bias.size(); ++i) {
    const std::int64_t c = i / area % tensor.shape[1];
    const double variance = inputs[4]->bias(c) + node.real("epsilon", static_cast<double>(1e-5F));
    if (!(variance > 0)) node.refuse("variances above 0", variance);
    const double factor = inputs[1]->bias(c) / std::sqrt(variance);
    made.bias(i) = (made.bias(i) - inputs[3]->bias(c)) * factor + inputs[2]->bias(c);
    for (SparseRows::InnerIterator entry(made.weight, i); entry; ++entry) entry.valueRef() *= factor;
  }
  return made;
}

/// An operator: how many inputs it must have, and what it does.
struct Operator {
  std::size_t inputs;
  std::function<AffineTensor(const OnnxNode&, const OperatorInputs&)> apply;
};

const std::map<std::string, Operator>& operators() {
  static const auto same = [](const OnnxNode&, const OperatorInputs& in) { return *in[0]; };
  static const std::map<std::string, Operator> all{
      {"Add", {2, [](const OnnxNode& node, const OperatorInputs& in) { return sum(node, *in[0], *in[1], 1); }}},
      {"Sub", {2, [](const OnnxNode& node, const OperatorInputs& in) { return sum(node, *in[0], *in[1], -1); }}},
      {"Mul",
       {2,
        [](const OnnxNode& node, const OperatorInputs& in) {
          return in[0]->is_constant() ? scaled(node, *in[1], *in[0], false) : scaled(node, *in[0], *in[1], false);
        }}},
      {"Div", {2, [](const OnnxNode& node, const OperatorInputs& in) { return scaled(node, *in[0], *in[1], true); }}},
      {"MatMul", {2, [](const OnnxNode& node, const OperatorInputs& in) { return product(node, *in[0], *in[1]); }}},
      {"Gemm", {2, gemm}},
      {"Conv", {2, convolved}},
      {"AveragePool", {1, averaged}},
      {"GlobalAveragePool", {1, averaged}},
      {"BatchNormalization", {5, normalised}},
      {"Flatten", {1, [](const OnnxNode& node, const OperatorInputs& in) { return flattened(node, *in[0]); }}},
      {"Reshape", {1, reshape}},
      {"Squeeze", {1, squeezed}},
      {"Unsqueeze", {1, unsqueezed}},
      {"Transpose",
       {1, [](const OnnxNode& node, const OperatorInputs& in) { return transposed(node, *in[0], list_of(node, {}, "perm")); }}},
      {"Identity", {1, same}},
      {"Dropout", {1, same}}};
  return all;
}

}  // namespace

AffineTensor apply_operator(const OnnxNode& node, const OperatorInputs& inputs) {
  const auto found = operators().find(node.operation);
  if (found == operators().end()) {
    std::string names = "Relu";
    for (const auto& [name, unused] : operators()) names += ", " + name;
    node.refuse("one of the operators " + names, "'" + node.operation + "'");
  }
  for (std::size_t k = 0; k < found->second.inputs; ++k)
    if (k >= inputs.size() || inputs[k] == nullptr) node.refuse(fmt::format("{} inputs", found->second.inputs), inputs.size());
  for (std::size_t k = 0; k < found->second.inputs; ++k)
    if (inputs[k]->bias.size() == 0) node.refuse("inputs with elements", "one of shape " + describe(inputs[k]->shape));
  std::size_t layer = 0;
  for (const AffineTensor* input : inputs)
    if (input != nullptr && !input->is_constant()) layer = std::max(layer, input->layer);
  for (const AffineTensor* input : inputs)
    if (input != nullptr && !input->is_constant() && input->layer != layer)
      node.refuse("inputs of one layer", "one from before the Relu and one from behind it (a residual connection)");
  return found->second.apply(node, inputs);
}

}  // namespace espalier::formats
