#include "espalier/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace espalier::base {

namespace {
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row.back();
}

/// Bytes of the UTF-8 character that `text` begins with, 0 if it begins with none (RFC 3629: no surrogates, nothing overlong).
std::size_t character_length(std::string_view text) {
  const auto at = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto follows = [&](std::size_t i) { return at(i) >= 0x80 && at(i) <= 0xbf; };
  if (at(0) < 0x80) return 1;
  if (at(0) >= 0xc2 && at(0) <= 0xdf) return follows(1) ? 2 : 0;
  if (at(0) >= 0xe0 && at(0) <= 0xef) {
    const bool legal = at(0) == 0xe0 ? at(1) >= 0xa0 : at(0) != 0xed || at(1) <= 0x9f;
    return legal && follows(1) && follows(2) ? 3 : 0;
  }
  if (at(0) >= 0xf0 && at(0) <= 0xf4) {
    const bool legal = at(0) == 0xf0 ? at(1) >= 0x90 : at(0) != 0xf4 || at(1) <= 0x8f;
    return legal && follows(1) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

bool is_control(std::string_view character) {
  const auto first = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return first < 0x20 || first == 0x7f;
  return first == 0xc2 && static_cast<unsigned char>(character[1]) < 0xa0;  // U+0080 to U+009F
}
}  // namespace

std::string printable(std::string_view text, bool keep_lines) {
  std::string result;
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    const std::string_view character = text.substr(0, std::max<std::size_t>(1, length));
    const bool line = character == "\n" || character == "\t";
    if (length > 0 && (!is_control(character) || (keep_lines && line)))
      result += character;
    else if (line)
      result += character == "\n" ? "\\n" : "\\t";
    else
      for (const char byte : character) result += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
    text.remove_prefix(character.size());
  }
  return result;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string nearest(std::string_view word, std::span<const std::string> candidates) {
  std::size_t best = std::max<std::size_t>(2, word.size() / 3) + 1;
  std::string result;
  for (const std::string& candidate : candidates)
    if (const std::size_t d = edit_distance(word, candidate); d < best) {
      best = d;
      result = candidate;
    }
  return result;
}

std::string did_you_mean(std::string_view word, std::span<const std::string> candidates) {
  const std::string guess = nearest(word, candidates);
  return guess.empty() ? "" : " (did you mean '" + guess + "'?)";
}

}  // namespace espalier::base
