// One array of results.h5, by the task's key.
#pragma once
#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "espalier/results/reader.hpp"

namespace espalier::test {

/// Empty if the task has none.
inline std::vector<double> read_array(const std::filesystem::path& file, const std::string& table, const std::string& array,
                                      const std::string& key) {
  const results::Reader reader(file);
  const results::Table rows = reader.table(table);
  const auto& keys = rows.texts("key");
  return reader.arrays(table, array).find(std::find(keys.begin(), keys.end(), key) - keys.begin()).value_or(std::vector<double>());
}

}  // namespace espalier::test
