// Names within results.h5; src/results/SCHEMA.md describes them.
#pragma once
#include <cstdint>
#include <string>

#include "espalier/task/field.hpp"

namespace espalier::results {

/// Raised when a reader of results.h5 would have to change.
inline constexpr std::int64_t schema_version = 1;

/// Of a table of results: which of its columns are parameters.
inline constexpr const char* parameters_attribute = "parameters";
/// Of a column: it may differ when the same task runs again.
inline std::string measured_attribute(const std::string& column) { return "measured." + column; }
/// Of an integer column: what stands for no value.
inline std::string missing_attribute(const std::string& column) { return "missing." + column; }
/// That number: -1, or the smallest int64 if the field may be -1.
std::int64_t missing_integer(const task::Field& field);

/// Groups with the arrays of the rows of a table, and with the part file of a task that has a row there.
inline std::string array_path(const std::string& table, const std::string& array) { return "arrays/" + table + "/" + array; }
inline std::string part_path(const std::string& table, const std::string& key) { return "parts/" + table + "/" + key; }

}  // namespace espalier::results
