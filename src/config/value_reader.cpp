#include "config/value_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "config/csv.hpp"
#include "config/sequence.hpp"
#include "espalier/base/text.hpp"

namespace espalier::config {

using task::Field;
using task::Schema;
using task::Value;
using task::ValueType;

namespace {

/// Decimal digits without leading zeros (08 is octal in one YAML, a text in another), with an optional sign.
std::optional<std::int64_t> parse_integer(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const std::string_view digits = text.substr(text.starts_with('-') ? 1 : 0);
  if (digits.empty() || (digits.size() > 1 && digits[0] == '0')) return std::nullopt;
  if (!std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> parse_real(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  if (!std::all_of(text.begin(), text.end(),
                   [](char c) { return (c >= '0' && c <= '9') || std::string_view("+-.eE").find(c) != std::string_view::npos; }))
    return std::nullopt;  // "nan", "inf", "0x1p3"
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value == 0 ? 0.0 : value;  // -0 and 0 are one value
}

std::optional<Value> parse_scalar(const Node& node, ValueType type) {
  if (node.kind != Node::Kind::scalar) return std::nullopt;
  if (type == ValueType::text) return node.text;
  if (node.quoted) return std::nullopt;
  if (type == ValueType::boolean && (node.text == "true" || node.text == "false")) return node.text == "true";
  if (type == ValueType::integer)
    if (const auto integer = parse_integer(node.text)) return *integer;
  if (type == ValueType::real)
    if (const auto real = parse_real(node.text)) return *real;
  return std::nullopt;
}

template <class T>
std::optional<Value> parse_list(const Node& node, ValueType item_type) {
  if (node.kind != Node::Kind::sequence) return std::nullopt;
  std::vector<T> list;
  for (const Node& item : node.items) {
    const auto value = parse_scalar(item, item_type);
    if (!value) return std::nullopt;
    list.push_back(std::get<T>(*value));
  }
  return list;
}

std::optional<Value> parse_value(const Node& node, ValueType type) {
  if (type == ValueType::integer_list) return parse_list<std::int64_t>(node, ValueType::integer);
  if (type == ValueType::real_list) return parse_list<double>(node, ValueType::real);
  return parse_scalar(node, type);
}

std::string found(const Node& node, const std::optional<Value>& value) {
  if (value && std::holds_alternative<task::IntegerList>(*value))
    return fmt::format("[{}]", fmt::join(std::get<task::IntegerList>(*value), ", "));
  if (value && std::holds_alternative<task::RealList>(*value))
    return fmt::format("[{}]", fmt::join(std::get<task::RealList>(*value), ", "));
  return describe_found(node);
}

/// The value that the node is, if it is one that the field may have.
std::optional<Value> legal_value(const Node& node, const Field& field) {
  std::optional<Value> value = parse_value(node, field.type);
  if (!value || !task::check_value(field, *value).empty()) return std::nullopt;
  const std::string* text = std::get_if<std::string>(&*value);
  if (text && (text->empty() || std::any_of(text->begin(), text->end(), [](char c) { return c >= 0 && c < ' '; }))) return std::nullopt;
  return value;
}

/// The field of one item, if the field is a list of them.
Field item_of(Field field) {
  if (field.type == ValueType::integer_list) field.type = ValueType::integer;
  if (field.type == ValueType::real_list) field.type = ValueType::real;
  return field;
}

/// What "1, 2" (or "1", if one is enough) says as a list, "[1,2]" (no spaces: it may be for a shell); empty if not all are legal values.
std::string as_list(const Node& node, const Field& field, bool one_is_enough) {
  if (node.kind != Node::Kind::scalar || node.quoted || (!one_is_enough && node.text.find(',') == std::string::npos)) return "";
  std::vector<std::string> items;
  for (std::size_t begin = 0; begin <= node.text.size();) {
    const std::size_t end = std::min(node.text.find(',', begin), node.text.size());
    std::string item = node.text.substr(begin, end - begin);
    item.erase(0, item.find_first_not_of(' '));
    item.erase(item.find_last_not_of(' ') + 1);
    if (!legal_value(Node{.kind = Node::Kind::scalar, .text = item}, item_of(field))) return "";
    items.push_back(std::move(item));
    begin = end + 1;
  }
  return fmt::format("[{}]", fmt::join(items, ","));
}

std::string did_you_mean_list(const std::string& list) { return list.empty() ? "" : fmt::format(" (did you mean {}?)", list); }

/// A list of values where one is expected.
bool is_list_of_values(const Node& node, const Field& field) {
  return node.kind == Node::Kind::sequence && !node.items.empty() &&
         std::all_of(node.items.begin(), node.items.end(), [&](const Node& item) { return legal_value(item, field).has_value(); });
}

Place place_of(const Node& node, std::string path) { return {std::move(path), node.line, node.column}; }

}  // namespace

std::optional<Value> read_value(const Node& node, const Field& field, const Place& place, Problems& problems) {
  if (task::is_list(field.type) && is_sequence_map(node)) {
    const std::optional<Node> list = expand_sequence(node, place, problems);
    return list ? read_value(*list, field, place, problems) : std::nullopt;
  }
  if (std::optional<Value> value = legal_value(node, field)) return value;
  std::string hint = did_you_mean_list(as_list(node, field, task::is_list(field.type)));
  if (hint.empty() && node.kind == Node::Kind::scalar) hint = base::did_you_mean(node.text, field.choices);
  problems.add(place, fmt::format("expected {}, found {}{}", expectation(field), found(node, parse_value(node, field.type)), hint));
  return std::nullopt;
}

std::vector<Value> read_values(const Node& node, const Field& field, const Place& place, Problems& problems) {
  std::vector<Value> values;
  if (is_sequence_map(node)) {
    const std::optional<Node> list = expand_sequence(node, place, problems);
    return list ? read_values(*list, field, place, problems) : values;
  }
  if (is_csv_map(node)) {
    problems.add(place, "csv holds the columns of a zip: expected zip: {csv: FILE}, or a list of values here");
    return values;
  }
  if (node.kind != Node::Kind::sequence || node.items.empty()) {
    const std::string list = as_list(node, field, true);
    const std::string axis = list.empty() || !task::is_list(field.type) ? list : fmt::format("[{}]", list);
    problems.add(place, fmt::format("expected a list of at least one value, each {}, found {}{}", expectation(field), describe_found(node),
                                    did_you_mean_list(axis)));
    return values;
  }
  if (const std::optional<Value> one = task::is_list(field.type) ? legal_value(node, field) : std::nullopt) {
    const std::string list = found(node, one);
    std::string each = list;  // "[32, 16]" becomes "[32], [16]"
    for (std::size_t at = each.find(", "); at != std::string::npos; at = each.find(", ", at + 4)) each.replace(at, 2, "], [");
    const std::string or_each = node.items.size() > 1 ? fmt::format(", or [{}] for one of each", each) : "";
    problems.add(place, fmt::format("expected a list of values, each {}, found a single one: write [{}] for an axis of this value{}",
                                    expectation(field), list, or_each));
    return values;
  }
  std::set<Value> seen;
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const Place here = place_of(node.items[i], join_path(place.path, i));
    const auto value = read_value(node.items[i], field, here, problems);
    if (!value) continue;
    if (!seen.insert(*value).second)
      problems.add(here, fmt::format("the value {} is listed twice", task::to_text(*value)));
    else
      values.push_back(*value);
  }
  return values;
}

bool is_list_of(const Node& node, const Field& field) {
  if (!task::is_list(field.type)) return node.kind == Node::Kind::sequence || is_sequence_map(node) || is_csv_map(node);
  return node.kind == Node::Kind::sequence && !node.items.empty() && node.items[0].kind == Node::Kind::sequence;
}

bool is_section(const Schema& schema, const std::string& name) {
  return std::any_of(schema.begin(), schema.end(), [&](const Field& field) { return field.name.starts_with(name + "."); });
}

std::string unknown_parameter(const std::string& name, const Schema& schema) {
  std::vector<std::string> names, section;
  const std::size_t dot = name.find('.');
  for (const Field& field : schema) {
    names.push_back(field.name);
    if (dot != std::string::npos && field.name.starts_with(name.substr(0, dot + 1))) section.push_back(field.name);
  }
  std::string hint = base::did_you_mean(name, names);
  if (hint.empty() && !section.empty()) hint = fmt::format("; there are {}", fmt::join(section, ", "));
  return fmt::format("unknown parameter '{}'{}", name, hint);
}

namespace {

struct LeafWalk {
  const Schema& schema;
  Problems& problems;
  const LeafReader& leaf;
  std::map<std::string, int> first_lines;

  void walk(const Node& node, const std::string& prefix, const Place& place) {
    for (const auto& [key, line, column, value] : node.entries) {
      const std::string name = join_path(prefix, key);
      const Place here{join_path(place.path, key), line, column};
      if (const Field* field = task::find_field(schema, name)) {
        read(*field, value, here);
      } else if (!is_section(schema, name)) {
        problems.add(here, unknown_parameter(name, schema));
      } else if (value.kind != Node::Kind::map) {
        problems.add(here, fmt::format("'{}' is a section: expected a map of its parameters, found {}", name, describe_found(value)));
      } else {
        walk(value, name, here);
      }
    }
  }

  void read(const Field& field, const Node& value, const Place& key_place) {
    const auto [it, is_new] = first_lines.emplace(field.name, key_place.line);
    if (!is_new)
      problems.add(key_place, fmt::format("duplicate key: {} was first given on line {}", field.name, it->second));
    else
      leaf(field, value, place_of(value, key_place.path));
  }
};

}  // namespace

void read_leaves(const Node& node, const Schema& schema, const Place& place, Problems& problems, const LeafReader& leaf) {
  if (node.kind != Node::Kind::map)
    problems.add(place, fmt::format("expected a map of parameters, found {}", describe_found(node)));
  else
    LeafWalk{schema, problems, leaf, {}}.walk(node, "", place);
}

task::Parameters read_parameters(const Node& node, const Schema& schema, const Place& place, Problems& problems) {
  task::Parameters parameters;
  read_leaves(node, schema, place, problems, [&](const Field& field, const Node& value, const Place& here) {
    if (is_list_of_values(value, field) || (!task::is_list(field.type) && is_sequence_map(value)))
      problems.add(here, fmt::format("expected {}, found a list of such values; an axis stands under product, in a block of the grid",
                                     expectation(field)));
    else if (auto read = read_value(value, field, here, problems))
      parameters.set(field.name, std::move(*read));
  });
  return parameters;
}

}  // namespace espalier::config
