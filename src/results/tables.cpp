#include "espalier/results/tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "espalier/base/error.hpp"
#include "espalier/results/schema.hpp"

namespace espalier::results {

using base::ErrorKind;
using base::fail;
using task::Field;
using task::Value;
using task::ValueType;

namespace {

std::string status_of(const task::Outcome* outcome) {
  if (outcome == nullptr) return "waiting";
  return outcome->kind == task::OutcomeKind::done ? "done" : "failed";
}

std::string_view bytes_of(const std::vector<double>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(double)};
}

Field text_field(std::string name, std::string meaning) {
  return {.name = std::move(name), .type = ValueType::text, .meaning = std::move(meaning)};
}
Field measured_field(std::string name, ValueType type, std::string unit, std::string meaning) {
  return {.name = std::move(name), .type = type, .unit = std::move(unit), .meaning = std::move(meaning), .minimum = 0, .measured = true};
}

constexpr const char* cpu_meaning = "CPU time of the stage";
constexpr const char* memory_meaning = "largest resident memory of the stage's own process, shared pages included; NaN if it had none";

/// Adds the fields that are not there yet; kinds that share a table may share fields, if they agree on the type.
void merge(task::Schema& columns, const task::Schema& schema, const std::string& table) {
  for (const Field& field : schema) {
    const auto it = std::find_if(columns.begin(), columns.end(), [&](const Field& c) { return c.name == field.name; });
    if (it == columns.end())
      columns.push_back(field);
    else if (it->type != field.type)
      fail(ErrorKind::internal, "table '{}': column '{}' is {} in one stage and {} in another", table, field.name, to_string(it->type),
           to_string(field.type));
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

/// Of the outcomes' arrays of one name: where each one stands in /arrays/<table>/<name>/values.
const task::Schema& index_fields() {
  const auto number = [](std::string name, std::string meaning) {
    return Field{.name = std::move(name), .type = ValueType::integer, .unit = "1", .meaning = std::move(meaning), .minimum = 0};
  };
  static const task::Schema fields{text_field("key", "task"), number("row", "row of the task in the table"),
                                   number("offset", "its first number in values"), number("length", "how many")};
  return fields;
}

task::Schema parameter_fields(const std::string& table, const task::StageRegistry& stages) {
  task::Schema fields;
  for (const auto& [kind, stage] : stages.all())
    if (stage->table() == table) merge(fields, stage->parameters(), table);
  return fields;
}

task::Schema result_fields(const std::string& table, const task::StageRegistry& stages) {
  task::Schema fields;
  for (const auto& [kind, stage] : stages.all())
    if (stage->table() == table) merge(fields, stage->columns(), table);
  return fields;
}

task::Schema all_of(task::Schema fields, const task::Schema& parameters, const task::Schema& results) {
  fields.insert(fields.end(), parameters.begin(), parameters.end());
  fields.insert(fields.end(), results.begin(), results.end());
  return fields;
}

}  // namespace

RaggedArray::RaggedArray(Field named) : field(std::move(named)), index(index_fields()) {}

void RaggedArray::add(const task::StageKey& key, std::size_t row, const task::Array& array) {
  std::uint64_t place = offset;
  if (array.shared) place = shared.try_emplace(base::digest(bytes_of(array.values)), offset).first->second;
  const Value values_of_row[] = {key.hex(), static_cast<std::int64_t>(row), static_cast<std::int64_t>(place),
                                 static_cast<std::int64_t>(array.values.size())};
  const Value* pointers[] = {&values_of_row[0], &values_of_row[1], &values_of_row[2], &values_of_row[3]};
  index.add(pointers, field.name);
  if (place != offset) return;
  offset += array.values.size();
  if (values) values->append(array.values);
}

void RaggedArray::start(const h5::Group& group) {
  offset = 0;
  shared.clear();
  values.emplace(group, "values", h5::ArrayOptions{.gzip_level = 4, .shuffle = true, .fletcher32 = true});
  const h5::Object object = group.open_object("values");
  object.write_attribute("unit", field.unit);
  object.write_attribute("meaning", field.meaning);
  object.write_attribute("measured", field.measured);
  index.start(group, "index");
}

void RaggedArray::finish() {
  values->finish();
  values.reset();
  index.finish();
}

ResultTable::ResultTable(std::string name, const task::StageRegistry& stages)
    : name_(std::move(name)),
      parameters_(parameter_fields(name_, stages)),
      results_(result_fields(name_, stages)),
      rows_(all_of(fixed_fields(), parameters_, results_)) {
  for (const auto& [kind, stage] : stages.all()) {
    if (stage->table() != name_) continue;
    for (const Field& field : parameters_) declared_[kind].push_back(find_field(stage->parameters(), field.name) != nullptr);
    for (const Field& field : stage->arrays())
      if (std::none_of(arrays_.begin(), arrays_.end(), [&](const RaggedArray& a) { return a.field.name == field.name; }))
        arrays_.emplace_back(field);
  }
}

void ResultTable::add(const task::Stage& stage, const task::TaskSpec& spec, const task::Outcome& outcome,
                      const task::Parameters& inherited) {
  const std::string where = fmt::format("{} task {}", spec.kind, spec.key.hex());
  for (const task::Parameters* values : {&outcome.values, &inherited})
    for (const auto& [name, value] : values->map())
      if (find_field(stage.columns(), name) == nullptr)
        fail(ErrorKind::internal, "{}: its stage does not declare the result '{}'", where, name);
  const Value fixed[] = {spec.key.hex(), spec.kind, status_of(&outcome), outcome.message, outcome.cpu_seconds, outcome.peak_memory_mib};
  std::vector<const Value*> row;
  for (const Value& value : fixed) row.push_back(&value);
  const std::vector<bool>& declared = declared_.at(spec.kind);
  for (std::size_t i = 0; i < parameters_.size(); ++i) row.push_back(declared[i] ? spec.parameters.find(parameters_[i].name) : nullptr);
  for (const Field& field : results_) {
    const Value* own = outcome.values.find(field.name);
    row.push_back(own != nullptr ? own : inherited.find(field.name));
  }
  add_arrays(stage, outcome);
  rows_.add(row, where);
}

void ResultTable::add_arrays(const task::Stage& stage, const task::Outcome& outcome) {
  for (const task::Array& array : outcome.arrays) {
    if (find_field(stage.arrays(), array.name) == nullptr)
      fail(ErrorKind::internal, "{} task {}: its stage does not declare the array '{}'", stage.kind(), outcome.key.hex(), array.name);
    const auto it = std::find_if(arrays_.begin(), arrays_.end(), [&](const RaggedArray& a) { return a.field.name == array.name; });
    it->add(outcome.key, rows_.rows(), array);
  }
}

void ResultTable::start(const h5::Group& root) {
  rows_.start(root, name_);
  std::vector<std::string> parameters;
  for (const Field& field : parameters_) parameters.push_back(field.name);
  root.open_object(name_).write_attribute(parameters_attribute, parameters);
  for (RaggedArray& array : arrays_) array.start(root.create_group(array_path(name_, array.field.name)));
}

void ResultTable::finish() {
  rows_.finish();
  for (RaggedArray& array : arrays_) array.finish();
}

namespace {

const task::Schema& stages_fields() {
  static const task::Schema fields{
      text_field("key", "content hash that names the task: 32 hexadecimal digits"),
      text_field("kind", "kind of stage"),
      text_field("table", "table with the task's row; empty: it has none"),
      text_field("status", "done, failed, waiting, or dropped: finished, but no longer asked for"),
      text_field("error_kind", "configuration, data, store, io, solver, numeric, internal, exception, parent, ...; empty unless failed"),
      text_field("message", "why it failed"),
      text_field("parents", "keys of the tasks whose results it reads, blank between them"),
      measured_field("wall_seconds", ValueType::real, "s", "wall time of the stage"),
      measured_field("cpu_seconds", ValueType::real, "s", cpu_meaning),
      measured_field("peak_memory_mib", ValueType::real, "MiB", memory_meaning),
      measured_field("rank", ValueType::integer, "1", "MPI rank of the worker"),
      measured_field("host", ValueType::text, "", "machine of the worker"),
      measured_field("started", ValueType::real, "s", "start, Unix time (seconds since 1970-01-01 UTC)"),
      text_field("part", "part file in the output directory; empty: none"),
      text_field("part_checksum", "XXH3-64 of the part file")};
  return fields;
}

}  // namespace

StagesTable::StagesTable() : rows_(stages_fields()) {}

void StagesTable::add(const task::TaskSpec& spec, const std::string& table, const task::Outcome* outcome) {
  add(status_of(outcome), spec, table, outcome);
}

void StagesTable::add_dropped(const std::string& kind, const task::Outcome& outcome) {
  add("dropped", {.key = outcome.key, .kind = kind}, "", &outcome);
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
  row.resize(stages_fields().size());
  std::vector<const Value*> pointers;
  for (const std::optional<Value>& value : row) pointers.push_back(value ? &*value : nullptr);
  rows_.add(pointers, "/stages");
}

}  // namespace espalier::results
