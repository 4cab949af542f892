// Properties as VNN-LIB 1.0 writes them (the format of the VNN competition, an excerpt of SMT-LIB).
#pragma once
#include <filesystem>
#include <string>
#include <string_view>

#include "espalier/problem/property.hpp"

namespace espalier::formats {

/// Reads declare-const of X_0, X_1, ... (inputs) and Y_0, Y_1, ... (outputs), and assert with and, or, <= and >= of linear terms (+, -, *,
/// decimal numbers). The assertions together, brought into disjunctive form, give a union of boxes with conjunctions of linear functions
/// of the outputs; what has equal boxes is joined, in the order of the file. A bound a X_i <= b becomes that of X_i, rounded outward if b/a
/// is no float64.
/// Refused with line, expected and found, as Error(data): what is no such file; a term that is not linear, or mixes inputs and outputs; a
/// constraint of several inputs; an input without both bounds; bounds that are written together, the lower one above the upper; a disjunct
/// without outputs; more than a million constraints in disjunctive form, or 200 million numbers. A combination of alternatives whose boxes
/// have no common point is left out, unless all are: that is refused. `name` stands in front.
[[nodiscard]] problem::Property parse_vnnlib(std::string_view text, const std::string& name);

/// The same of a file, which may be gzipped.
[[nodiscard]] problem::Property read_vnnlib(const std::filesystem::path& file);

}  // namespace espalier::formats
