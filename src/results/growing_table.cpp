#include "espalier/results/growing_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "espalier/base/error.hpp"
#include "espalier/results/schema.hpp"

namespace espalier::results {

using base::ErrorKind;
using base::fail;
using task::Field;
using task::Value;
using task::ValueType;

namespace {

constexpr std::size_t rows_per_block = h5::TableOptions{}.rows_per_chunk;

h5::ColumnValues empty_values(ValueType type) {
  switch (type) {
    case ValueType::boolean:
      return std::vector<bool>();
    case ValueType::integer:
      return std::vector<std::int64_t>();
    case ValueType::real:
      return std::vector<double>();
    case ValueType::text:
    case ValueType::integer_list:
    case ValueType::real_list:
      break;
  }
  return std::vector<std::string>();
}

/// Tables cannot hold zero bytes; a message from a library may.
std::string without_zero_bytes(std::string text) {
  std::replace(text.begin(), text.end(), '\0', ' ');
  return text;
}

/// Appends a value to a column of its type.
struct Append {
  const Field& field;
  const Value* value;

  /// False: the value is of another type.
  bool operator()(std::vector<bool>& column) const {
    const bool* held = value == nullptr ? nullptr : std::get_if<bool>(value);
    column.push_back(held != nullptr && *held);
    return value == nullptr || held != nullptr;
  }
  bool operator()(std::vector<std::int64_t>& column) const {
    const auto* held = value == nullptr ? nullptr : std::get_if<std::int64_t>(value);
    column.push_back(held == nullptr ? missing_integer(field) : *held);
    return value == nullptr || held != nullptr;
  }
  bool operator()(std::vector<double>& column) const {
    column.push_back(std::numeric_limits<double>::quiet_NaN());
    if (value == nullptr) return true;
    if (const auto* integer = std::get_if<std::int64_t>(value)) column.back() = static_cast<double>(*integer);
    if (const auto* real = std::get_if<double>(value)) column.back() = *real;
    return task::type_of(*value) == ValueType::integer || task::type_of(*value) == ValueType::real;
  }
  bool operator()(std::vector<std::string>& column) const {
    column.push_back(value == nullptr ? "" : without_zero_bytes(task::to_text(*value)));
    return value == nullptr || task::type_of(*value) == field.type;
  }
};

}  // namespace

GrowingTable::GrowingTable(const task::Schema& fields) : fields_(fields) {
  for (const Field& field : fields_)
    block_.columns.push_back({.name = field.name, .values = empty_values(field.type), .unit = field.unit, .meaning = field.meaning});
  longest_.resize(fields_.size());
}

void GrowingTable::add(std::span<const Value* const> row, const std::string& where) {
  for (std::size_t i = 0; i < fields_.size(); ++i)
    if (!std::visit(Append{fields_[i], row[i]}, block_.columns[i].values))
      fail(ErrorKind::internal, "{}: column '{}': expected {}, found {} '{}'", where, fields_[i].name, task::to_string(fields_[i].type),
           task::to_string(task::type_of(*row[i])), task::to_text(*row[i]));
  ++rows_;
  if (block_.rows() == rows_per_block) flush();
}

void GrowingTable::flush() {
  if (writer_)
    writer_->append(block_);
  else
    measure();
  for (h5::Column& column : block_.columns) std::visit([](auto& values) { values.clear(); }, column.values);
}

void GrowingTable::measure() {
  for (std::size_t i = 0; i < fields_.size(); ++i)
    if (const auto* texts = std::get_if<std::vector<std::string>>(&block_.columns[i].values))
      for (const std::string& text : *texts) longest_[i] = std::max(longest_[i], text.size());
}

void GrowingTable::start(const h5::Group& group, const std::string& name) {
  flush();
  rows_ = 0;
  for (std::size_t i = 0; i < fields_.size(); ++i) block_.columns[i].text_width = h5::text_width_for(longest_[i]);
  writer_.emplace(group, name, block_.columns);
  const h5::Object object = group.open_object(name);
  for (const Field& field : fields_) {
    object.write_attribute(measured_attribute(field.name), field.measured);
    if (field.type == ValueType::integer) object.write_attribute(missing_attribute(field.name), missing_integer(field));
  }
}

void GrowingTable::finish() {
  flush();
  writer_.reset();
}

}  // namespace espalier::results
