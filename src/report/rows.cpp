#include "espalier/report/rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <compare>
#include <nlohmann/json.hpp>
#include <optional>

#include "espalier/base/error.hpp"
#include "espalier/base/text.hpp"
#include "espalier/h5/range.hpp"
#include "espalier/report/text_table.hpp"
#include "espalier/results/reader.hpp"
#include "espalier/results/schema.hpp"

namespace espalier::report {

namespace {

using base::ErrorKind;
using base::fail;

template <class T>
const std::vector<T>& values_of(const h5::Column& column) {
  return std::get<std::vector<T>>(column.values);
}

template <class T>
bool holds(const h5::Column& column) {
  return std::holds_alternative<std::vector<T>>(column.values);
}

/// One column of the rows that are read, and what stands in it for no value.
struct Field {
  const h5::Column* column = nullptr;
  std::optional<std::int64_t> missing = {};

  bool is_missing(std::size_t row) const {
    if (holds<double>(*column)) return std::isnan(values_of<double>(*column)[row]);
    if (holds<std::int64_t>(*column)) return missing && values_of<std::int64_t>(*column)[row] == *missing;
    return holds<std::string>(*column) && values_of<std::string>(*column)[row].empty();
  }

  std::string text(std::size_t row) const {
    if (is_missing(row)) return "";
    if (holds<bool>(*column)) return values_of<bool>(*column)[row] ? "true" : "false";
    if (holds<std::int64_t>(*column)) return fmt::format("{}", values_of<std::int64_t>(*column)[row]);
    if (holds<double>(*column)) return fmt::format("{}", values_of<double>(*column)[row]);
    return values_of<std::string>(*column)[row];
  }

  nlohmann::ordered_json json(std::size_t row) const {
    if (holds<bool>(*column)) return static_cast<bool>(values_of<bool>(*column)[row]);
    if (is_missing(row)) return nullptr;
    if (holds<std::int64_t>(*column)) return values_of<std::int64_t>(*column)[row];
    if (holds<std::string>(*column)) return values_of<std::string>(*column)[row];
    const double value = values_of<double>(*column)[row];
    if (std::isinf(value)) return value > 0 ? "inf" : "-inf";  // JSON has no such numbers
    return value;
  }
};

enum class Comparison { equal, unequal, less, at_most, greater, at_least };

constexpr std::array<std::pair<std::string_view, Comparison>, 6> operators{{{"!=", Comparison::unequal},
                                                                            {"<=", Comparison::at_most},
                                                                            {">=", Comparison::at_least},
                                                                            {"=", Comparison::equal},
                                                                            {"<", Comparison::less},
                                                                            {">", Comparison::greater}}};

bool holds(Comparison comparison, std::partial_ordering order) {
  switch (comparison) {
    case Comparison::equal:
      return order == 0;
    case Comparison::unequal:
      return order != 0;
    case Comparison::less:
      return order < 0;
    case Comparison::at_most:
      return order <= 0;
    case Comparison::greater:
      return order > 0;
    case Comparison::at_least:
      return order >= 0;
  }
  return false;
}

struct Condition {
  std::string text;  ///< as given
  std::string column;
  Comparison comparison = Comparison::equal;
  std::string value;
  double number = 0;  ///< of a column of numbers

  /// Error(configuration) unless the value is one that the column may have.
  void check_against(const h5::Column& there) {
    const bool ordered = comparison != Comparison::equal && comparison != Comparison::unequal;
    if (value.empty()) {
      if (ordered) fail(ErrorKind::configuration, "--where {}: expected a value to compare with, found none", text);
      return;
    }
    if (holds<std::string>(there) || holds<bool>(there)) {
      if (ordered) fail(ErrorKind::configuration, "--where {}: column {} is no number: expected = or !=", text, column);
      if (holds<bool>(there) && value != "true" && value != "false")
        fail(ErrorKind::configuration, "--where {}: expected true or false, found '{}'", text, value);
      return;
    }
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size())
      fail(ErrorKind::configuration, "--where {}: column {} is a number: expected one, found '{}'", text, column, value);
  }

  bool met(const Field& field, std::size_t row) const {
    const bool missing = field.is_missing(row);
    if (value.empty()) return missing == (comparison == Comparison::equal);
    if (missing) return false;
    if (holds<double>(*field.column)) return report::holds(comparison, values_of<double>(*field.column)[row] <=> number);
    if (holds<std::int64_t>(*field.column))
      return report::holds(comparison, static_cast<double>(values_of<std::int64_t>(*field.column)[row]) <=> number);
    return (field.text(row) == value) == (comparison == Comparison::equal);
  }
};

Condition parse_condition(const std::string& text) {
  const std::size_t at = text.find_first_of("=!<>");
  if (at != std::string::npos && at > 0)
    for (const auto& [word, comparison] : operators)
      if (text.compare(at, word.size(), word) == 0) return {text, text.substr(0, at), comparison, text.substr(at + word.size())};
  fail(ErrorKind::configuration, "--where {}: expected a column, one of = != < <= > >=, and a value, as in prune_rate>=0.5", text);
}

/// The tables of a file, for messages.
const h5::Column& find_column(const std::vector<h5::Column>& columns, const std::string& name, const std::string& option) {
  std::vector<std::string> names;
  for (const h5::Column& column : columns) {
    if (column.name == name) return column;
    names.push_back(column.name);
  }
  const std::string hint = base::did_you_mean(name, names);
  fail(ErrorKind::configuration, "{}: there is no column '{}'{}", option, name,
       hint.empty() ? fmt::format("; there are: {}", fmt::join(names, ", ")) : hint);
}

class RowWriter {
 public:
  RowWriter(const h5::Group& root, const RowQuery& query) : query_(query) {
    const std::vector<std::string> tables = results::table_names(root);
    if (std::find(tables.begin(), tables.end(), query.table) == tables.end())
      fail(ErrorKind::configuration, "there is no table '{}'{}; there are: {}", query.table, base::did_you_mean(query.table, tables),
           fmt::join(tables, ", "));
    const h5::TableReader all(root, query.table);
    shown_ = query.columns;
    for (const std::string& name : shown_) {
      find_column(all.columns(), name, "--columns");
      if (std::count(shown_.begin(), shown_.end(), name) > 1) fail(ErrorKind::configuration, "--columns: {} stands twice", name);
    }
    if (shown_.empty())
      for (const h5::Column& column : all.columns()) shown_.push_back(column.name);
    std::vector<std::string> read = shown_;
    for (const std::string& text : query.conditions) {
      conditions_.push_back(parse_condition(text));
      Condition& condition = conditions_.back();
      condition.check_against(find_column(all.columns(), condition.column, "--where " + text));
      if (std::find(read.begin(), read.end(), condition.column) == read.end()) read.push_back(condition.column);
    }
    reader_.emplace(root, query.table, read);
    const h5::Object object = root.open_object(query.table);
    for (const std::string& name : read) {
      const std::string attribute = results::missing_attribute(name);
      missing_.push_back(object.has_attribute(attribute) ? std::optional(object.read_attribute<std::int64_t>(attribute)) : std::nullopt);
    }
  }

  void write(std::ostream& out) {
    constexpr std::uint64_t block = 1 << 12;
    if (query_.format == RowFormat::csv) out << csv_line(shown_);
    for (std::uint64_t first = 0; first < reader_->rows() && out; first += block) {
      const h5::Table rows = reader_->read(first, std::min(block, reader_->rows() - first));
      std::vector<Field> fields;
      for (std::size_t c = 0; c < rows.columns.size(); ++c) fields.push_back({&rows.columns[c], missing_[c]});
      for (std::size_t row = 0; row < rows.rows(); ++row)
        if (wanted(fields, row)) write_row(fields, row, out);
    }
  }

 private:
  bool wanted(const std::vector<Field>& fields, std::size_t row) const {
    return std::all_of(conditions_.begin(), conditions_.end(), [&](const Condition& condition) {
      const auto it = std::find_if(fields.begin(), fields.end(), [&](const Field& f) { return f.column->name == condition.column; });
      return condition.met(*it, row);
    });
  }

  void write_row(const std::vector<Field>& fields, std::size_t row, std::ostream& out) const {
    if (query_.format == RowFormat::csv) {
      std::vector<std::string> texts;
      for (std::size_t c = 0; c < shown_.size(); ++c) texts.push_back(fields[c].text(row));
      out << csv_line(texts);
      return;
    }
    nlohmann::ordered_json object;
    for (std::size_t c = 0; c < shown_.size(); ++c) object[shown_[c]] = fields[c].json(row);
    out << object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
  }

  const RowQuery& query_;
  std::vector<std::string> shown_;  ///< the first columns that are read
  std::vector<Condition> conditions_;
  std::optional<h5::TableReader> reader_;
  std::vector<std::optional<std::int64_t>> missing_;  ///< of each column that is read
};

}  // namespace

void write_rows(const std::filesystem::path& file, const RowQuery& query, std::ostream& out) {
  const h5::File opened = h5::File::open_read_only(file);
  RowWriter(opened.root(), query).write(out);
}

}  // namespace espalier::report
