#include "store/result_tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "espalier/base/error.hpp"

namespace espalier::store {

using base::ErrorKind;
using base::fail;
using task::Field;
using task::Value;
using task::ValueType;

std::int64_t missing_integer(const Field& field) {
  const bool may_be_minus_one = std::isfinite(field.minimum) && field.minimum <= -1;
  return may_be_minus_one ? std::numeric_limits<std::int64_t>::min() : -1;
}

std::string status_of(const task::Outcome* outcome) {
  if (outcome == nullptr) return "waiting";
  return outcome->kind == task::OutcomeKind::done ? "done" : "failed";
}

namespace {

Field text_field(std::string name, std::string meaning) {
  return {.name = std::move(name), .type = ValueType::text, .meaning = std::move(meaning)};
}
Field measured_field(std::string name, ValueType type, std::string unit, std::string meaning) {
  return {.name = std::move(name), .type = type, .unit = std::move(unit), .meaning = std::move(meaning), .minimum = 0, .measured = true};
}

constexpr const char* cpu_meaning = "CPU time of the stage";
constexpr const char* memory_meaning = "largest resident memory of the stage's own process, shared pages included; NaN if it had none";

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

ColumnBuilder::ColumnBuilder(const Field& field)
    : field_(field), column_{.name = field.name, .values = empty_values(field.type), .unit = field.unit, .meaning = field.meaning} {}

void ColumnBuilder::add(const Value* value, const std::string& where) {
  if (!std::visit(Append{field_, value}, column_.values))
    fail(ErrorKind::internal, "{}: column '{}': expected {}, found {} '{}'", where, field_.name, task::to_string(field_.type),
         task::to_string(task::type_of(*value)), task::to_text(*value));
}

void write_columns(const h5::Group& group, const std::string& name, const std::vector<ColumnBuilder*>& columns) {
  h5::Table table;
  for (ColumnBuilder* column : columns) table.columns.push_back(column->take());
  h5::write_table(group, name, table);
  const h5::Object object = group.open_object(name);
  for (const ColumnBuilder* column : columns) {
    const Field& field = column->field();
    object.write_attribute("measured." + field.name, field.measured);
    if (field.type == ValueType::integer) object.write_attribute("missing." + field.name, missing_integer(field));
  }
}

namespace {

/// Adds the fields that are not there yet; kinds that share a table may share fields, if they agree on the type.
void merge(std::vector<ColumnBuilder>& columns, const task::Schema& schema, const std::string& table) {
  for (const Field& field : schema) {
    const auto it = std::find_if(columns.begin(), columns.end(), [&](const ColumnBuilder& c) { return c.field().name == field.name; });
    if (it == columns.end())
      columns.emplace_back(field);
    else if (it->field().type != field.type)
      fail(ErrorKind::internal, "table '{}': column '{}' is {} in one stage and {} in another", table, field.name,
           to_string(it->field().type), to_string(field.type));
  }
}

const task::Schema& fixed_fields() {
  static const task::Schema fields{text_field("key", "content hash that names the task: 32 hexadecimal digits"),
                                   text_field("kind", "kind of stage"),
                                   text_field("status", "done or failed"),
                                   text_field("message", "why it failed; empty when done"),
                                   measured_field("cpu_seconds", ValueType::real, "s", cpu_meaning),
                                   measured_field("peak_memory_mib", ValueType::real, "MiB", memory_meaning)};
  return fields;
}

}  // namespace

ResultTable::ResultTable(std::string name, const task::StageRegistry& stages) : name_(std::move(name)) {
  merge(fixed_, fixed_fields(), name_);
  for (const auto& [kind, stage] : stages.all()) {
    if (stage->table() != name_) continue;
    merge(parameters_, stage->parameters(), name_);
    merge(results_, stage->columns(), name_);
    for (const Field& field : stage->arrays())
      if (std::none_of(arrays_.begin(), arrays_.end(), [&](const RaggedArray& a) { return a.field.name == field.name; }))
        arrays_.push_back({.field = field, .values = {}, .keys = {}, .rows = {}, .offsets = {}, .lengths = {}});
  }
}

void ResultTable::add(const task::Stage& stage, const task::TaskSpec& spec, const task::Outcome& outcome) {
  const std::string where = fmt::format("{} task {}", spec.kind, spec.key.hex());
  for (const auto& [name, value] : outcome.values.map())
    if (find_field(stage.columns(), name) == nullptr)
      fail(ErrorKind::internal, "{}: its stage does not declare the result '{}'", where, name);
  const Value fixed[] = {spec.key.hex(), spec.kind, status_of(&outcome), outcome.message, outcome.cpu_seconds, outcome.peak_memory_mib};
  for (std::size_t i = 0; i < fixed_.size(); ++i) fixed_[i].add(&fixed[i], where);
  for (ColumnBuilder& column : parameters_) {
    const bool declared = find_field(stage.parameters(), column.field().name) != nullptr;
    column.add(declared ? spec.parameters.find(column.field().name) : nullptr, where);
  }
  for (ColumnBuilder& column : results_) column.add(outcome.values.find(column.field().name), where);
  add_arrays(stage, outcome);
  ++rows_;
}

void ResultTable::add_arrays(const task::Stage& stage, const task::Outcome& outcome) {
  for (const task::Array& array : outcome.arrays) {
    if (find_field(stage.arrays(), array.name) == nullptr)
      fail(ErrorKind::internal, "{} task {}: its stage does not declare the array '{}'", stage.kind(), outcome.key.hex(), array.name);
    const auto it = std::find_if(arrays_.begin(), arrays_.end(), [&](const RaggedArray& a) { return a.field.name == array.name; });
    it->keys.push_back(outcome.key.hex());
    it->rows.push_back(static_cast<std::int64_t>(rows_));
    it->offsets.push_back(static_cast<std::int64_t>(it->values.size()));
    it->lengths.push_back(static_cast<std::int64_t>(array.values.size()));
    it->values.insert(it->values.end(), array.values.begin(), array.values.end());
  }
}

void ResultTable::write(const h5::Group& root) {
  std::vector<ColumnBuilder*> columns;
  for (std::vector<ColumnBuilder>* part : {&fixed_, &parameters_, &results_})
    for (ColumnBuilder& column : *part) columns.push_back(&column);
  write_columns(root, name_, columns);
  write_arrays(root);
}

void ResultTable::write_arrays(const h5::Group& root) const {
  for (const RaggedArray& array : arrays_) {
    const h5::Group group = root.create_group("arrays/" + name_ + "/" + array.field.name);
    group.write_array("values", array.values, {array.values.size()}, {.gzip_level = 4, .shuffle = true, .fletcher32 = true});
    const h5::Object values = group.open_object("values");
    values.write_attribute("unit", array.field.unit);
    values.write_attribute("meaning", array.field.meaning);
    values.write_attribute("measured", array.field.measured);
    h5::write_table(group, "index",
                    {{{.name = "key", .values = array.keys, .meaning = "task"},
                      {.name = "row", .values = array.rows, .unit = "1", .meaning = "row of the task in /" + name_},
                      {.name = "offset", .values = array.offsets, .unit = "1", .meaning = "its first number in values"},
                      {.name = "length", .values = array.lengths, .unit = "1", .meaning = "how many"}}});
  }
}

StagesTable::StagesTable() {
  for (const Field& field :
       {text_field("key", "content hash that names the task: 32 hexadecimal digits"), text_field("kind", "kind of stage"),
        text_field("table", "table with the task's row; empty: it has none"),
        text_field("status", "done, failed, waiting, or dropped: finished, but no longer asked for"),
        text_field("error_kind", "configuration, data, store, io, solver, numeric, internal, exception, parent, ...; empty unless failed"),
        text_field("message", "why it failed"), text_field("parents", "keys of the tasks whose results it reads, blank between them"),
        measured_field("wall_seconds", ValueType::real, "s", "wall time of the stage"),
        measured_field("cpu_seconds", ValueType::real, "s", cpu_meaning),
        measured_field("peak_memory_mib", ValueType::real, "MiB", memory_meaning),
        measured_field("rank", ValueType::integer, "1", "MPI rank of the worker"),
        measured_field("host", ValueType::text, "", "machine of the worker"),
        measured_field("started", ValueType::real, "s", "start, Unix time (seconds since 1970-01-01 UTC)"),
        text_field("part", "part file in the output directory; empty: none"), text_field("part_checksum", "XXH3-64 of the part file")})
    columns_.emplace_back(field);
}

void StagesTable::add(const task::TaskSpec& spec, const std::string& table, const task::Outcome* outcome) {
  add(status_of(outcome), spec, table, outcome);
}

void StagesTable::add_dropped(const OutputDirectory& directory, const task::StageKey& key) {
  const auto kind = directory.left().find(key);
  const task::Outcome outcome = directory.outcome(key);
  add("dropped", {.key = key, .kind = kind == directory.left().end() ? "" : kind->second}, "", &outcome);
}

void StagesTable::add(const std::string& status, const task::TaskSpec& spec, const std::string& table, const task::Outcome* outcome) {
  std::vector<std::string> parents;
  for (const task::StageKey& parent : spec.parents) parents.push_back(parent.hex());
  std::vector<std::optional<Value>> row{spec.key.hex(), spec.kind, table, status};
  if (outcome != nullptr) {
    const auto& part = outcome->part;
    const std::string sum = part ? fmt::format("{:016x}", part->stamp.checksum) : "";
    row.insert(row.end(), {outcome->error_kind, outcome->message, fmt::format("{}", fmt::join(parents, " ")), outcome->wall_seconds,
                           outcome->cpu_seconds, outcome->peak_memory_mib, std::int64_t{outcome->rank}, outcome->host, outcome->started,
                           part ? part->name : "", sum});
  } else {
    row.insert(row.end(), {"", "", fmt::format("{}", fmt::join(parents, " "))});
  }
  row.resize(columns_.size());
  for (std::size_t i = 0; i < columns_.size(); ++i) columns_[i].add(row[i] ? &*row[i] : nullptr, "/stages");
}

void StagesTable::write(const h5::Group& root) {
  std::vector<ColumnBuilder*> columns;
  for (ColumnBuilder& column : columns_) columns.push_back(&column);
  write_columns(root, "stages", columns);
}

}  // namespace espalier::store
