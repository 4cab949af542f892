#include "espalier/results/schema.hpp"

#include <cmath>
#include <limits>

namespace espalier::results {

std::int64_t missing_integer(const task::Field& field) {
  const bool may_be_minus_one = std::isfinite(field.minimum) && field.minimum <= -1;
  return may_be_minus_one ? std::numeric_limits<std::int64_t>::min() : -1;
}

}  // namespace espalier::results
