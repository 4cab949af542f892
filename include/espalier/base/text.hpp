// Small text helpers that error messages share.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace espalier::base {

/// Nearest of `candidates` by Levenshtein distance, if it is at most max(2, a third of the word's length); else "".
std::string nearest(std::string_view word, std::span<const std::string> candidates);

/// `text` as a terminal may show it: control characters, which it would obey, and bytes that are no UTF-8 become \n, \x1b, \xe9, ...;
/// `keep_lines`: line feeds and tabs stay.
std::string printable(std::string_view text, bool keep_lines = false);
bool is_utf8(std::string_view text);

/// " (did you mean 'x'?)" or "".
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);

}  // namespace espalier::base
