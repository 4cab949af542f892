#include "espalier/problem/property.hpp"

#include <algorithm>
#include <limits>

namespace espalier::problem {

double margin(const Conjunction& conjunction, const Eigen::Ref<const Eigen::VectorXd>& y) {
  double smallest = std::numeric_limits<double>::infinity();
  for (const nn::OutputFunction& function : conjunction) smallest = std::min(smallest, function(y));
  return smallest;
}

double margin(const Property& property, const Eigen::Ref<const Eigen::VectorXd>& x, const Eigen::Ref<const Eigen::VectorXd>& y) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  double largest = -infinity;
  for (const BoxQuestion& question : property.boxes) {
    if ((x.array() < question.box.lower.array()).any() || (x.array() > question.box.upper.array()).any()) continue;
    for (const Conjunction& conjunction : question.unsafe) largest = std::max(largest, margin(conjunction, y));
  }
  return largest;
}

}  // namespace espalier::problem
