// The one matrix product of training: C = A B for a small A, without packing and without temporaries.
#pragma once
#include "simd.hpp"

namespace espalier::train {

/// B(k, j) = data[k * row_stride + j * column_stride]: a matrix or its transpose.
template <class T>
struct Factor {
  const T* data;
  Eigen::Index row_stride;
  Eigen::Index column_stride;
};

/// A tile of vectors x columns results in registers. finish(row, column, value) gets lanes consecutive rows of one column.
template <class T, int vectors, int columns, class Finish>
inline void product_tile(const T* a, Eigen::Index lda, const T* b, Eigen::Index row_stride, Eigen::Index column_stride, Eigen::Index depth,
                         Eigen::Index row, Eigen::Index column, const Finish& finish) {
  Vec<T> sum[columns][vectors] = {};
  for (Eigen::Index k = 0; k < depth; ++k) {
    Vec<T> left[vectors];
#pragma GCC unroll 8
    for (int i = 0; i < vectors; ++i) left[i] = load(a + k * lda + i * Simd<T>::lanes);
#pragma GCC unroll 16
    for (int j = 0; j < columns; ++j) {
      const T right = b[k * row_stride + j * column_stride];
#pragma GCC unroll 8
      for (int i = 0; i < vectors; ++i) sum[j][i] += left[i] * right;
    }
  }
#pragma GCC unroll 16
  for (int j = 0; j < columns; ++j)
#pragma GCC unroll 8
    for (int i = 0; i < vectors; ++i) finish(row + i * Simd<T>::lanes, column + j, sum[j][i]);
}

/// All row panels of `columns` columns of C.
template <class T, int columns, class Finish>
inline void product_columns(const T* a, Eigen::Index lda, Eigen::Index rows, const Factor<T>& b, Eigen::Index depth, Eigen::Index column,
                            const Finish& finish) {
  constexpr Eigen::Index lanes = Simd<T>::lanes;
  const T* start = b.data + column * b.column_stride;
  Eigen::Index row = 0;
  for (; row + 2 * lanes <= rows; row += 2 * lanes)
    product_tile<T, 2, columns>(a + row, lda, start, b.row_stride, b.column_stride, depth, row, column, finish);
  if (row < rows) product_tile<T, 1, columns>(a + row, lda, start, b.row_stride, b.column_stride, depth, row, column, finish);
}

/// C = A B with A (rows x depth, column-major, leading dimension lda, rows a multiple of the vector width) and B (depth x n). Every
/// element is summed in the order k = 0, 1, ..., so its bits depend on nothing but the vector instructions' fused multiply-add.
template <class T, class Finish>
void product(const T* a, Eigen::Index lda, Eigen::Index rows, const Factor<T>& b, Eigen::Index depth, Eigen::Index n,
             const Finish& finish) {
  constexpr int wide = vector_bytes == 64 ? 8 : 4;  // 2 x wide sums fill half of the registers, enough to hide the latency
  Eigen::Index column = 0;
  for (; column + wide <= n; column += wide) product_columns<T, wide>(a, lda, rows, b, depth, column, finish);
  for (; column < n; ++column) product_columns<T, 1>(a, lda, rows, b, depth, column, finish);
}

}  // namespace espalier::train
