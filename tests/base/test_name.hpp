// Names of parameterised tests.
#pragma once
#include <algorithm>
#include <cctype>
#include <string>

namespace espalier::testing {

/// As GoogleTest wants them: what is neither a letter nor a digit becomes '_'.
inline std::string test_name(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return text;
}

}  // namespace espalier::testing
