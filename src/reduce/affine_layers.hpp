// Layers on their way to being fewer: affine maps in float64, with what storing them as float32 may change.
#pragma once
#include <Eigen/Core>
#include <vector>

#include "espalier/bounds/bounds.hpp"
#include "espalier/nn/network.hpp"

namespace espalier::reduce {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Indices = std::vector<Eigen::Index>;

/// Affine functions [W b] of a layer's inputs, and a bound on how far each number is from what will be stored as float32.
struct AffineMap {
  Matrix value;  ///< (rows x (inputs + 1)), biases last
  Matrix error;  ///< of the same shape; 0 for numbers that were float32 and have not changed

  Eigen::Index rows() const { return value.rows(); }
  Eigen::Index inputs() const { return value.cols() - 1; }
};

/// a (rows x m) times the m functions of `inner`.
AffineMap product(const AffineMap& a, const AffineMap& inner);
/// map.value(row, column) += summand, which is `error` from what is meant.
void add(AffineMap& map, Eigen::Index row, Eigen::Index column, double summand, double error);
AffineMap rows_of(const AffineMap& map, const Indices& rows);
/// The weights on these inputs, without biases.
AffineMap columns_of(const AffineMap& map, const Indices& columns);
/// One map's rows under the other's.
AffineMap stacked(const AffineMap& above, const AffineMap& below);
/// The weights of `left`, then the weights and biases of `right`.
AffineMap beside(const AffineMap& left, const AffineMap& right);
/// The biases, without weights.
AffineMap biases_of(const AffineMap& map);

/// A layer and what is known of its neurons.
struct AffineLayer {
  AffineMap map;
  Eigen::VectorXd lower;     ///< of the pre-activations over the domain
  Eigen::VectorXd upper;     ///< the same
  std::vector<bool> linear;  ///< lower >= 0, so that the output is the pre-activation
  Eigen::VectorXd slack;     ///< how far a bound of the caller's is from 0; +infinity for neurons that folding made
  std::size_t origin = 0;    ///< index in the network as it was

  /// Largest outputs.
  Eigen::VectorXd magnitude() const { return upper.cwiseMax(0.0); }
};

std::vector<AffineLayer> affine_layers(const nn::Network& network, const bounds::Bounds& bounds);
nn::Network to_network(const std::vector<AffineLayer>& layers);
/// See compress().
Eigen::VectorXd deviation(const std::vector<AffineLayer>& layers, Eigen::VectorXd largest_inputs);

}  // namespace espalier::reduce
