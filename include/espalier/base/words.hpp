// Enumerations as words: one table each, in both directions.
#pragma once
#include <fmt/ranges.h>

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "espalier/base/error.hpp"
#include "espalier/base/text.hpp"

namespace espalier::base {

/// The values of an enumeration and their words, in the order in which messages list them.
template <class E>
using Words = std::span<const std::pair<E, std::string_view>>;

/// "unknown" for a value that has no word.
template <class E>
constexpr std::string_view word_of(Words<E> words, E value) {
  for (const auto& [known, word] : words)
    if (known == value) return word;
  return "unknown";
}

/// Throws Error(configuration): "what: expected one of ..., found 'word' (did you mean ...?)".
template <class E>
E parse_word(Words<E> words, std::string_view what, std::string_view word) {
  std::vector<std::string> legal;
  for (const auto& [value, known] : words) {
    if (known == word) return value;
    legal.emplace_back(known);
  }
  fail(ErrorKind::configuration, "{}: expected one of {}, found '{}'{}", what, fmt::join(legal, ", "), word, did_you_mean(word, legal));
}

}  // namespace espalier::base
