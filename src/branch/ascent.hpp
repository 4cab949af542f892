// Inputs with a large margin by ascent from random places.
#pragma once
#include <vector>

#include "espalier/base/random.hpp"
#include "espalier/bounds/propagation.hpp"
#include "espalier/nn/network.hpp"
#include "espalier/problem/property.hpp"

namespace espalier::branch {

/// Projected ascent by the signs of the gradient (PGD, Madry et al. 2018), in steps that shrink, on the smallest function of a conjunction:
/// one conjunction after the other.
class Ascent {
 public:
  Ascent(const nn::Network& network, const problem::BoxQuestion& question);

  /// The points of one walk, from a random point of the box.
  std::vector<Eigen::VectorXd> walk();

 private:
  Eigen::VectorXd gradient(const problem::Conjunction& conjunction, const Eigen::VectorXd& x) const;

  const problem::BoxQuestion& question_;
  std::vector<bounds::Rows> weights_;
  std::vector<Eigen::VectorXd> biases_;
  base::RandomStream random_;
  std::size_t next_ = 0;  ///< conjunction
};

}  // namespace espalier::branch
