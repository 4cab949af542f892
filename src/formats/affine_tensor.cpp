#include "formats/affine_tensor.hpp"

#include <algorithm>

namespace espalier::formats {

namespace {

bool is_identity(const AffineTensor& tensor) {
  if (tensor.weight.rows() != tensor.weight.cols() || tensor.weight.nonZeros() != tensor.weight.rows()) return false;
  for (std::int64_t i = 0; i < tensor.weight.rows(); ++i)
    if (tensor.bias(i) != 0 || tensor.weight.innerIndexPtr()[i] != i || tensor.weight.valuePtr()[i] != 1) return false;
  return true;
}

}  // namespace

void check_products(const OnnxNode& node, const Shape& factors) {
  constexpr std::int64_t most = std::int64_t{1} << 26;
  if (elements(factors) > most) node.refuse(fmt::format("at most {} products", most), describe(factors));
}

void RowBuilder::end_row() {
  if (!std::is_sorted(row_.begin(), row_.end())) std::sort(row_.begin(), row_.end());
  for (const auto& [column, value] : row_) matrix_.data().append(value, column);
  row_.clear();
  matrix_.outerIndexPtr()[++rows_] = matrix_.data().size();
}

AffineTensor constant_tensor(const OnnxTensor& tensor) {
  const auto size = static_cast<std::int64_t>(tensor.values.size());
  return {.shape = tensor.shape, .weight = SparseRows(size, 0), .bias = Eigen::Map<const Eigen::VectorXd>(tensor.values.data(), size)};
}

AffineTensor identity_tensor(Shape shape, std::size_t layer) {
  const std::int64_t size = elements(shape);
  AffineTensor made{.shape = std::move(shape), .weight = SparseRows(size, size), .bias = Eigen::VectorXd::Zero(size), .layer = layer};
  made.weight.setIdentity();
  return made;
}

AffineTensor mapped(const SparseRows& map, const AffineTensor& tensor, Shape shape) {
  AffineTensor made{.shape = std::move(shape), .weight = {}, .bias = map * tensor.bias, .layer = tensor.layer};
  if (tensor.is_constant())
    made.weight = SparseRows(map.rows(), 0);
  else if (is_identity(tensor))  // the usual case: what a Relu has made
    made.weight = map;
  else
    made.weight = map * tensor.weight;
  return made;
}

AffineTensor gathered(const std::vector<std::int64_t>& from, const AffineTensor& tensor, Shape shape) {
  if (tensor.is_constant()) {
    const auto size = static_cast<std::int64_t>(from.size());
    AffineTensor made{.shape = std::move(shape), .weight = SparseRows(size, 0), .bias = Eigen::VectorXd(size)};
    for (std::int64_t i = 0; i < size; ++i) made.bias(i) = tensor.bias(from[static_cast<std::size_t>(i)]);
    return made;
  }
  const auto count = static_cast<std::int64_t>(from.size());
  RowBuilder rows(count, tensor.bias.size(), count);
  for (const std::int64_t element : from) {
    rows.add(element, 1);
    rows.end_row();
  }
  return mapped(rows.finish(), tensor, std::move(shape));
}

}  // namespace espalier::formats
