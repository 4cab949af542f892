#include "formats/s_expression.hpp"

#include <algorithm>

#include "espalier/base/error.hpp"
#include "espalier/base/text.hpp"

namespace espalier::formats {

namespace {

constexpr std::size_t most_depth = 256;
constexpr std::string_view ends_of_words = " \t\r\n\v\f();";

}  // namespace

std::vector<Expression> parse_expressions(std::string_view text, const std::string& name) {
  std::vector<Expression> open(1);  // the lists that are not closed; the first one is that of the file
  std::size_t line = 1;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '\n') {
      ++line;
    } else if (c == ';') {
      at = std::min(text.find('\n', at), text.size()) - 1;
    } else if (c == '(') {
      if (open.size() == most_depth)
        base::fail(base::ErrorKind::data, "{}:{}: expected lists less than {} deep, found a deeper one", name, line, most_depth);
      open.push_back({.line = line, .word = {}, .list = {}});
    } else if (c == ')') {
      if (open.size() == 1) base::fail(base::ErrorKind::data, "{}:{}: expected '(' or the end, found ')' without partner", name, line);
      Expression closed = std::move(open.back());
      open.pop_back();
      open.back().list.push_back(std::move(closed));
    } else if (ends_of_words.find(c) == std::string_view::npos) {
      const std::string_view word = text.substr(at, text.find_first_of(ends_of_words, at) - at);
      if (open.size() == 1)
        base::fail(base::ErrorKind::data, "{}:{}: expected '(', found '{}'", name, line, base::printable(word.substr(0, 40)));
      open.back().list.push_back({.line = line, .word = word, .list = {}});
      at += word.size() - 1;
    }
  }
  if (open.size() > 1)
    base::fail(base::ErrorKind::data, "{}:{}: expected ')' for the '(' of line {}, found the end of the file", name, line,
               open.back().line);
  return std::move(open.front().list);
}

std::string describe(const Expression& expression) {
  if (!expression.is_list()) return fmt::format("'{}'", base::printable(expression.word.substr(0, 40)));
  if (expression.head().empty()) return "a list";
  return fmt::format("'({} ...)'", base::printable(expression.head().substr(0, 40)));
}

}  // namespace espalier::formats
