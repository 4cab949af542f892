// A table as text for a terminal of 100 columns, and as CSV.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace espalier::report {

inline constexpr std::size_t line_width = 100;

struct TextColumn {
  std::string title;
  bool left = false;  ///< aligned
};

struct TextTable {
  std::vector<TextColumn> columns;
  std::size_t leading = 0;  ///< of the columns, how many tell the rows apart: they stand first, and the first of them may become headings
  std::vector<std::vector<std::string>> rows;
};

/// Columns as wide as their texts, a blank between them. While a line is longer than line_width, the first leading column becomes a
/// heading above the rows that share it: "data set mnist".
std::string format_text(const TextTable& table);

/// Breaks a sentence into lines of at most line_width, at blanks.
std::string wrapped(const std::string& text, const std::string& indent = "");

/// One line of a CSV file; fields with commas, quotation marks or line ends are quoted (RFC 4180).
std::string csv_line(std::span<const std::string> fields);

}  // namespace espalier::report
