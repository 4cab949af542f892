#include "config/csv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "config/files.hpp"
#include "config/value_reader.hpp"
#include "espalier/base/error.hpp"
#include "espalier/base/file.hpp"

namespace espalier::config {

namespace {

struct Row {
  int line = 0;  ///< on which it starts
  std::vector<std::string> cells;
};

/// What RFC 4180 says, and bare line feeds.
class CsvParser {
 public:
  explicit CsvParser(std::string_view text) : text_(text) {
    if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
  }

  /// Empty line: no cells. Throws Error(configuration) naming the line.
  std::vector<Row> rows() {
    std::vector<Row> rows;
    while (at_ < text_.size()) {
      Row row{line_, {}};
      do row.cells.push_back(cell());
      while (take(','));
      take('\r');
      if (at_ < text_.size() && !take('\n')) fail("expected a comma or the end of the line behind a closing quote");
      ++line_;
      if (row.cells.size() > 1 || !row.cells[0].empty()) rows.push_back(std::move(row));
    }
    return rows;
  }

 private:
  [[noreturn]] void fail(const char* sentence) const { base::fail(base::ErrorKind::configuration, "line {}: {}", line_, sentence); }

  bool take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  std::string cell() {
    if (take('"')) return quoted();
    const std::size_t end = std::min(text_.find_first_of(",\r\n", at_), text_.size());
    std::string cell(text_.substr(at_, end - at_));
    at_ = end;
    if (cell.find('"') != std::string::npos) fail("expected a quote only around a whole cell");
    cell.erase(0, std::min(cell.find_first_not_of(" \t"), cell.size()));
    cell.erase(cell.find_last_not_of(" \t") + 1);
    return cell;
  }

  std::string quoted() {
    std::string cell;
    for (;;) {
      const std::size_t end = text_.find('"', at_);
      if (end == std::string_view::npos) fail("expected a closing quote, found the end of the file");
      cell += text_.substr(at_, end - at_);
      line_ += static_cast<int>(std::count(cell.end() - static_cast<std::ptrdiff_t>(end - at_), cell.end(), '\n'));
      at_ = end + 1;
      if (!take('"')) return cell;
      cell += '"';
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int line_ = 1;
};

/// Rows count as lines.
std::vector<Row> numbered(std::vector<std::vector<std::string>> rows) {
  std::vector<Row> lines;
  for (std::vector<std::string>& cells : rows) lines.push_back({static_cast<int>(lines.size()) + 1, std::move(cells)});
  return lines;
}

/// As if the cell stood in the experiment file; in a CSV file a list is one in brackets.
Node node_of(const std::string& cell, const Place& place, bool has_lists) {
  if (has_lists && cell.starts_with('[')) {
    Problems ignored("");
    if (const std::optional<Node> list = parse_document(cell, place.path, ignored); list && ignored.empty()) return *list;
  }
  Node node;
  node.kind = cell.empty() ? Node::Kind::null : Node::Kind::scalar;
  node.text = cell;
  node.line = place.line;
  node.column = place.column;
  return node;
}

class ZipReader {
 public:
  ZipReader(std::string file, bool has_lists, const task::Schema& schema, const Place& place, Problems& problems)
      : file_(std::move(file)), has_lists_(has_lists), schema_(schema), place_(place), problems_(problems) {}

  Zip read(const std::vector<Row>& rows) {
    Zip zip{place_, {}, {}};
    if (rows.size() < 2) {
      problems_.add(place_, fmt::format("{}: expected a line of parameters and at least one row, found {}", file_,
                                        rows.empty() ? "nothing" : "one line"));
      return zip;
    }
    if (!read_header(rows[0])) return zip;
    for (const task::Field* field : fields_) zip.columns.push_back(field->name);
    for (std::size_t i = 1; i < rows.size(); ++i) read_row(rows[i], zip);
    return zip;
  }

 private:
  Place at(const Row& row, const std::string& name = "") const {
    return {fmt::format("{}: {}:{}{}", place_.path, file_, row.line, name.empty() ? "" : ": " + name), place_.line, place_.column};
  }

  bool read_header(const Row& header) {
    bool good = true;
    for (const std::string& name : header.cells) {
      const task::Field* field = task::find_field(schema_, name);
      const bool twice = field && std::find(fields_.begin(), fields_.end(), field) != fields_.end();
      if (!field || twice) problems_.add(at(header), twice ? fmt::format("duplicate column {}", name) : unknown_parameter(name, schema_));
      good = good && field && !twice;
      fields_.push_back(field);
    }
    return good;
  }

  void read_row(const Row& row, Zip& zip) {
    if (row.cells.size() != fields_.size()) {
      problems_.add(at(row), fmt::format("expected {} cells, as many as the first line has, found {}", fields_.size(), row.cells.size()));
      return;
    }
    std::vector<task::Value> values;
    for (std::size_t i = 0; i < fields_.size(); ++i) {
      const Place here = at(row, fields_[i]->name);
      if (auto value = read_value(node_of(row.cells[i], here, has_lists_), *fields_[i], here, problems_))
        values.push_back(std::move(*value));
    }
    if (values.size() == fields_.size()) zip.rows.push_back(std::move(values));
  }

  std::string file_;
  bool has_lists_;
  const task::Schema& schema_;
  const Place& place_;
  Problems& problems_;
  std::vector<const task::Field*> fields_;
};

}  // namespace

bool is_csv_map(const Node& node) { return node.kind == Node::Kind::map && node.find("csv"); }

bool is_zip_file(const Node& node, const ZipSources& sources) {
  return is_csv_map(node) || (node.kind == Node::Kind::map && !node.entries.empty() && sources.contains(node.entries[0].key));
}

Zip read_zip_file(const Node& node, const ZipSources& sources, const std::filesystem::path& folder, const task::Schema& schema,
                  const Place& place, Problems& problems) {
  const auto& [word, line, column, name] = node.entries[0];
  if (node.entries.size() != 1 || name.kind != Node::Kind::scalar) {
    problems.add(place, fmt::format("expected {{{}: FILE}}, the name of one file", word));
    return {place, {}, {}};
  }
  try {
    const auto source = sources.find(word);
    const bool is_csv = source == sources.end();
    if (!is_csv) require_regular_file(folder / name.text);
    const std::vector<Row> rows =
        is_csv ? CsvParser(base::read_file(folder / name.text)).rows() : numbered(source->second(folder / name.text));
    return ZipReader(name.text, is_csv, schema, place, problems).read(rows);
  } catch (const base::Error& error) {
    const std::string what = error.what();
    problems.add(place, what.starts_with("line ") ? fmt::format("{}: {}", name.text, what) : what);
    return {place, {}, {}};
  }
}

}  // namespace espalier::config
