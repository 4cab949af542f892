#include "espalier/problem/property.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace espalier::problem {

double margin(const Conjunction& conjunction, const Eigen::Ref<const Eigen::VectorXd>& y) {
  double smallest = std::numeric_limits<double>::infinity();
  for (const nn::OutputFunction& function : conjunction) {
    const double value = function(y);
    if (std::isnan(value)) return value;
    smallest = std::min(smallest, value);
  }
  return smallest;
}

double margin(const Property& property, const Eigen::Ref<const Eigen::VectorXd>& x, const Eigen::Ref<const Eigen::VectorXd>& y) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  double largest = -infinity;
  for (const BoxQuestion& question : property.boxes) {
    if (!((x.array() >= question.box.lower.array()) && (x.array() <= question.box.upper.array())).all()) continue;
    for (const Conjunction& conjunction : question.unsafe) largest = std::max(largest, margin(conjunction, y));
  }
  return largest;
}

}  // namespace espalier::problem
