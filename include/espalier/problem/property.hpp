// What others ask of a network: whether an input exists that is unsafe.
// Symbols: src/NOTATION.md.
#pragma once
#include <Eigen/Core>
#include <vector>

#include "espalier/nn/objective.hpp"
#include "espalier/problem/region.hpp"

namespace espalier::problem {

/// f(y) >= 0 for every f of it.
using Conjunction = std::vector<nn::OutputFunction>;

/// The smallest f(y).
[[nodiscard]] double margin(const Conjunction& conjunction, const Eigen::Ref<const Eigen::VectorXd>& y);

/// Over one box of inputs: unsafe is x where one of the conjunctions holds for y = network(x).
struct BoxQuestion {
  Box box;
  std::vector<Conjunction> unsafe;
};

/// An x that is unsafe in one of the boxes: the answer is "sat" if there is one, else "unsat".
struct Property {
  Eigen::Index inputs = 0;
  Eigen::Index outputs = 0;
  std::vector<BoxQuestion> boxes;
};

/// The largest over all boxes that have x, and their conjunctions, of the smallest f(y); -infinity if no box has x. The answer is sat if it
/// is at least 0 for some x.
[[nodiscard]] double margin(const Property& property, const Eigen::Ref<const Eigen::VectorXd>& x,
                            const Eigen::Ref<const Eigen::VectorXd>& y);

}  // namespace espalier::problem
