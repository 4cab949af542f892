#include "reduce/affine_layers.hpp"

#include <cmath>
#include <limits>

namespace espalier::reduce {
namespace {

/// Rounding to float32, and the float64 arithmetic before it for sums of up to 2^18 terms.
constexpr double unit = 0x1.0p-24 * (1 + 0x1.0p-10);
/// Below the normal numbers of float32 rounding is absolute.
constexpr double underflow = 0x1.0p-149;

AffineMap joined(Matrix value, Matrix error) { return {.value = std::move(value), .error = std::move(error)}; }

}  // namespace

AffineMap product(const AffineMap& a, const AffineMap& inner) {
  const Matrix size = a.value.cwiseAbs(), inner_size = inner.value.cwiseAbs();
  Matrix error = unit * (size * inner_size) + a.error * (inner_size + inner.error) + size * inner.error;
  error = (error.array() > 0).select(error.array() + underflow, 0.0);
  return joined(a.value * inner.value, std::move(error));
}

void add(AffineMap& map, Eigen::Index row, Eigen::Index column, double summand, double error) {
  double& value = map.value(row, column);
  if (summand == 0 && error == 0) return;
  map.error(row, column) += unit * (std::abs(value) + std::abs(summand)) + error + underflow;
  value += summand;
}

AffineMap rows_of(const AffineMap& map, const Indices& rows) { return joined(map.value(rows, Eigen::all), map.error(rows, Eigen::all)); }

AffineMap columns_of(const AffineMap& map, const Indices& columns) {
  return joined(map.value(Eigen::all, columns), map.error(Eigen::all, columns));
}

AffineMap biases_of(const AffineMap& map) { return columns_of(map, {map.inputs()}); }

AffineMap stacked(const AffineMap& above, const AffineMap& below) {
  Matrix value(above.rows() + below.rows(), above.value.cols()), error(value.rows(), value.cols());
  value.topRows(above.rows()) = above.value;
  value.bottomRows(below.rows()) = below.value;
  error.topRows(above.rows()) = above.error;
  error.bottomRows(below.rows()) = below.error;
  return joined(std::move(value), std::move(error));
}

AffineMap beside(const AffineMap& left, const AffineMap& right) {
  Matrix value(left.rows(), left.value.cols() + right.value.cols()), error(value.rows(), value.cols());
  if (left.rows() == 0) return joined(std::move(value), std::move(error));  // blocks of nothing would start beyond a null pointer
  value.leftCols(left.value.cols()) = left.value;
  value.rightCols(right.value.cols()) = right.value;
  error.leftCols(left.value.cols()) = left.error;
  error.rightCols(right.value.cols()) = right.error;
  return joined(std::move(value), std::move(error));
}

std::vector<AffineLayer> affine_layers(const nn::Network& network, const bounds::Bounds& bounds) {
  std::vector<AffineLayer> layers;
  for (std::size_t k = 0; k < network.layers.size(); ++k) {
    const nn::Layer& layer = network.layers[k];
    Matrix value(layer.outputs(), layer.inputs() + 1);
    value << layer.weight.cast<double>(), layer.bias.cast<double>();
    AffineLayer made{.map = {.value = value, .error = Matrix::Zero(value.rows(), value.cols())},
                     .lower = bounds.layers[k].lower,
                     .upper = bounds.layers[k].upper,
                     .linear = {},
                     .slack = Eigen::VectorXd::Zero(layer.outputs()),
                     .origin = k};
    for (Eigen::Index i = 0; i < layer.outputs(); ++i) {
      made.linear.push_back(made.lower[i] >= 0);
      made.slack[i] = made.lower[i] >= 0 ? made.lower[i] : -made.upper[i];
    }
    layers.push_back(std::move(made));
  }
  return layers;
}

nn::Network to_network(const std::vector<AffineLayer>& layers) {
  nn::Network network;
  for (const AffineLayer& layer : layers)
    network.layers.push_back({.weight = layer.map.value.leftCols(layer.map.inputs()).cast<float>(),
                              .bias = layer.map.value.rightCols<1>().cast<float>(),
                              .mask = {}});
  return network;
}

Eigen::VectorXd deviation(const std::vector<AffineLayer>& layers, Eigen::VectorXd largest) {
  Eigen::VectorXd d = Eigen::VectorXd::Zero(largest.size());
  for (const AffineLayer& layer : layers) {
    const Eigen::Index n = layer.map.inputs();
    const Eigen::VectorXd next = (layer.map.value.leftCols(n).cwiseAbs() + layer.map.error.leftCols(n)) * d +
                                 layer.map.error.leftCols(n) * largest + layer.map.error.col(n);
    largest = layer.magnitude();
    d = next;
  }
  return d;
}

}  // namespace espalier::reduce
