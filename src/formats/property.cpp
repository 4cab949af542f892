#include "espalier/formats/property.hpp"

#include <algorithm>
#include <limits>

namespace espalier::formats {

double margin(const Property& property, const Eigen::Ref<const Eigen::VectorXd>& x, const Eigen::Ref<const Eigen::VectorXd>& y) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  double largest = -infinity;
  for (const BoxQuestion& question : property.boxes) {
    if ((x.array() < question.box.lower.array()).any() || (x.array() > question.box.upper.array()).any()) continue;
    for (const Conjunction& conjunction : question.unsafe) {
      double smallest = infinity;
      for (const nn::OutputFunction& function : conjunction) smallest = std::min(smallest, function(y));
      largest = std::max(largest, smallest);
    }
  }
  return largest;
}

}  // namespace espalier::formats
