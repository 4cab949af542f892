// Figures that the tables share.
#pragma once
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

namespace espalier::report {

/// NaN of nothing.
inline double median(std::vector<double> values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : 0.5 * (values[middle - 1] + values[middle]);
}

/// "-" for NaN.
inline std::string number(double value, int digits) { return std::isnan(value) ? "-" : fmt::format("{:.{}f}", value, digits); }

/// Says so of a value of the column solve_status: an answer that only a solver vouches for.
inline bool is_claimed(const std::string& solve_status) { return solve_status.ends_with("_claimed"); }

inline std::filesystem::path results_file(const std::filesystem::path& directory_or_file) {
  return std::filesystem::is_directory(directory_or_file) ? directory_or_file / "results.h5" : directory_or_file;
}

}  // namespace espalier::report
