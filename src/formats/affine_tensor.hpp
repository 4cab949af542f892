// Tensors whose elements are affine functions of a layer's inputs.
#pragma once
#include <Eigen/Core>
#include <Eigen/SparseCore>
#include <cstdint>
#include <utility>
#include <vector>

#include "formats/onnx_graph.hpp"

namespace espalier::formats {

using SparseRows = Eigen::SparseMatrix<double, Eigen::RowMajor, std::int64_t>;

/// Element i, row-major, is weight(i) . h + bias(i), where h is what enters layer `layer`. A constant has no columns.
struct AffineTensor {
  Shape shape;
  SparseRows weight;
  Eigen::VectorXd bias;
  std::size_t layer = 0;

  [[nodiscard]] bool is_constant() const { return weight.cols() == 0; }
};

[[nodiscard]] AffineTensor constant_tensor(const OnnxTensor& tensor);
/// h itself.
[[nodiscard]] AffineTensor identity_tensor(Shape shape, std::size_t layer);
/// The elements map . of `tensor`.
[[nodiscard]] AffineTensor mapped(const SparseRows& map, const AffineTensor& tensor, Shape shape);
/// Element i is element from[i] of `tensor`.
[[nodiscard]] AffineTensor gathered(const std::vector<std::int64_t>& from, const AffineTensor& tensor, Shape shape);

/// A sparse matrix, row by row.
class RowBuilder {
 public:
  RowBuilder(std::int64_t rows, std::int64_t columns, std::int64_t expected_terms) : matrix_(rows, columns) {
    matrix_.data().reserve(expected_terms);
  }

  void add(std::int64_t column, double value) { row_.emplace_back(column, value); }
  void end_row();
  /// After as many rows as were announced.
  [[nodiscard]] SparseRows finish() {
    SparseRows made;
    made.swap(matrix_);  // Eigen 3.4 has no move
    return made;
  }

 private:
  SparseRows matrix_;
  std::int64_t rows_ = 0;
  std::vector<std::pair<std::int64_t, double>> row_;
};

/// Before an operator takes the memory: refuses more than 2^26 products (1 GB).
void check_products(const OnnxNode& node, const Shape& factors);

/// By element of `shape`, in order: visit(index of each dimension).
template <class Visit>
void for_each_index(const Shape& shape, Visit visit) {
  Shape index(shape.size(), 0);
  for (std::int64_t i = 0, n = elements(shape); i < n; ++i) {
    visit(index);
    for (std::size_t d = shape.size(); d-- > 0;) {
      if (++index[d] < shape[d]) break;
      index[d] = 0;
    }
  }
}

}  // namespace espalier::formats
