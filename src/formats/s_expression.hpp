// Lists in parentheses, as SMT-LIB writes them.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace espalier::formats {

/// A word, or a list.
struct Expression {
  std::size_t line = 0;   ///< of its first character, from 1
  std::string_view word;  ///< of the text; empty: a list
  std::vector<Expression> list;

  [[nodiscard]] bool is_list() const { return word.empty(); }
  /// The word that a list begins with; empty if it does not begin with one.
  [[nodiscard]] std::string_view head() const { return list.empty() ? std::string_view() : list.front().word; }
};

/// The lists of `text`, which must outlive them; a comment goes from ';' to the end of its line. Throws Error(data) naming the line of a
/// parenthesis without partner, of a word outside all lists, or of a list 256 deep.
[[nodiscard]] std::vector<Expression> parse_expressions(std::string_view text, const std::string& name);

/// As an error shows it: a word, or the beginning of a list.
[[nodiscard]] std::string describe(const Expression& expression);

}  // namespace espalier::formats
