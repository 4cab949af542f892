#include "espalier/report/text_table.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace espalier::report {

namespace {

/// As a terminal shows UTF-8: bytes that continue a character take no place.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string padded(const std::string& text, std::size_t width, bool left) {
  const std::string blanks(width - std::min(width, width_of(text)), ' ');
  return left ? text + blanks : blanks + text;
}

std::vector<std::size_t> widths(const TextTable& table, std::size_t first) {
  std::vector<std::size_t> result;
  for (std::size_t c = first; c < table.columns.size(); ++c) {
    std::size_t width = width_of(table.columns[c].title);
    for (const auto& row : table.rows) width = std::max(width, width_of(row[c]));
    result.push_back(width);
  }
  return result;
}

std::string line(const TextTable& table, const std::vector<std::string>& row, std::size_t first, const std::vector<std::size_t>& width) {
  std::string text;
  for (std::size_t c = first; c < row.size(); ++c) {
    if (c > first) text += ' ';
    text += padded(row[c], width[c - first], table.columns[c].left);
  }
  text.erase(text.find_last_not_of(' ') + 1);
  return text + "\n";
}

/// How many of the leading columns become headings.
std::size_t headings(const TextTable& table) {
  for (std::size_t first = 0; first < table.leading; ++first) {
    std::size_t total = table.columns.size() - first - 1;
    for (const std::size_t width : widths(table, first)) total += width;
    if (total <= line_width) return first;
  }
  return table.leading;
}

}  // namespace

std::string format_text(const TextTable& table) {
  const std::size_t first = headings(table);
  const std::vector<std::size_t> width = widths(table, first);
  std::vector<std::string> titles;
  for (const TextColumn& column : table.columns) titles.push_back(column.title);
  const std::string head = line(table, titles, first, width);
  if (first == 0) {
    std::string text = head;
    for (const auto& row : table.rows) text += line(table, row, first, width);
    return text;
  }
  std::string text, heading;
  for (const auto& row : table.rows) {
    std::vector<std::string> parts;
    for (std::size_t c = 0; c < first; ++c) parts.push_back(titles[c] + " " + row[c]);
    if (const std::string now = fmt::format("{}", fmt::join(parts, ", ")); now != heading) {
      if (!heading.empty()) text += '\n';
      text += wrapped(now) + head;
      heading = now;
    }
    text += line(table, row, first, width);
  }
  return text;
}

std::string wrapped(const std::string& text, const std::string& indent) {
  std::string lines, current;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t blank = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, blank - at);
    if (!current.empty() && width_of(current) + 1 + width_of(word) > line_width) {
      lines += current + "\n";
      current = indent + word;
    } else {
      current += (current.empty() ? "" : " ") + word;
    }
    at = blank + 1;
  }
  return lines + current + "\n";
}

std::string csv_line(std::span<const std::string> fields) {
  std::string text;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) text += ',';
    if (fields[i].find_first_of(",\"\r\n") == std::string::npos) {
      text += fields[i];
      continue;
    }
    text += '"';
    for (const char c : fields[i]) text += c == '"' ? std::string("\"\"") : std::string(1, c);
    text += '"';
  }
  return text + "\n";
}

}  // namespace espalier::report
