#include "espalier/task/field.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace espalier::task {

const Field* find_field(const Schema& schema, std::string_view name) {
  const auto it = std::find_if(schema.begin(), schema.end(), [&](const Field& f) { return f.name == name; });
  return it == schema.end() ? nullptr : &*it;
}

namespace {

std::string check_range(const Field& field, double value) {
  if (!std::isfinite(value)) return fmt::format("expected a finite number, found {}", value);
  const bool low = field.minimum_open ? value <= field.minimum : value < field.minimum;
  const bool high = field.maximum_open ? value >= field.maximum : value > field.maximum;
  if (!low && !high) return "";
  if (std::isinf(field.maximum))
    return fmt::format("expected a value {} {}, found {}", field.minimum_open ? ">" : ">=", field.minimum, value);
  if (std::isinf(field.minimum))
    return fmt::format("expected a value {} {}, found {}", field.maximum_open ? "<" : "<=", field.maximum, value);
  return fmt::format("expected a value in {}{}, {}{}, found {}", field.minimum_open ? '(' : '[', field.minimum, field.maximum,
                     field.maximum_open ? ')' : ']', value);
}

}  // namespace

std::string check_value(const Field& field, const Value& value) {
  const bool integer_for_real = field.type == ValueType::real && type_of(value) == ValueType::integer;
  if (type_of(value) != field.type && !integer_for_real)
    return fmt::format("expected {}, found {} '{}'", to_string(field.type), to_string(type_of(value)), to_text(value));
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return check_range(field, static_cast<double>(*integer));
  if (const auto* real = std::get_if<double>(&value)) return check_range(field, *real);
  if (const auto* list = std::get_if<IntegerList>(&value)) {
    for (const std::int64_t item : *list)
      if (std::string problem = check_range(field, static_cast<double>(item)); !problem.empty()) return problem;
    return "";
  }
  if (const auto* list = std::get_if<RealList>(&value)) {
    for (const double item : *list)
      if (std::string problem = check_range(field, item); !problem.empty()) return problem;
    return "";
  }
  if (const auto* text = std::get_if<std::string>(&value); text && !field.choices.empty())
    if (std::find(field.choices.begin(), field.choices.end(), *text) == field.choices.end())
      return fmt::format("expected one of {}, found '{}'", fmt::join(field.choices, ", "), *text);
  return "";
}

}  // namespace espalier::task
