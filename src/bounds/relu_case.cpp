#include "espalier/bounds/bounds.hpp"

namespace espalier::bounds {

std::string_view to_string(ReluCase relu_case) {
  switch (relu_case) {
    case ReluCase::constant:
      return "constant";
    case ReluCase::stably_inactive:
      return "stably_inactive";
    case ReluCase::stably_active:
      return "stably_active";
    case ReluCase::unstable:
      return "unstable";
  }
  return "unknown";
}

ReluCase classify(double lower, double upper) {
  if (lower == upper) return ReluCase::constant;
  if (upper <= 0) return ReluCase::stably_inactive;
  if (lower >= 0) return ReluCase::stably_active;
  return ReluCase::unstable;
}

ReluCounts count_relu_cases(const Bounds& bounds) {
  ReluCounts counts;
  for (std::size_t k = 0; k + 1 < bounds.layers.size(); ++k) {
    for (Eigen::Index i = 0; i < bounds.layers[k].lower.size(); ++i) {
      switch (classify(bounds.layers[k].lower[i], bounds.layers[k].upper[i])) {
        case ReluCase::constant:
          ++counts.constant;
          break;
        case ReluCase::stably_inactive:
          ++counts.stably_inactive;
          break;
        case ReluCase::stably_active:
          ++counts.stably_active;
          break;
        case ReluCase::unstable:
          ++counts.unstable;
          break;
      }
    }
  }
  return counts;
}

std::vector<std::int64_t> unstable_by_layer(const Bounds& bounds) {
  std::vector<std::int64_t> counts;
  for (std::size_t k = 0; k + 1 < bounds.layers.size(); ++k)
    counts.push_back(count_relu_cases({.layers = {bounds.layers[k], {}}}).unstable);
  return counts;
}

}  // namespace espalier::bounds
