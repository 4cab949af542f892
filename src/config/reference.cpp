// What the fields of a schema say about themselves.
#include <fmt/format.h>

#include <cmath>

#include "espalier/config/experiment.hpp"
#include "espalier/task/task.hpp"
#include "espalier/task/variants.hpp"

namespace espalier::config {

using task::Field;
using task::ValueType;

namespace {

std::string range(const Field& field) {
  const bool low = std::isfinite(field.minimum), high = std::isfinite(field.maximum);
  if (low && high)
    return fmt::format(" in {}{}, {}{}", field.minimum_open ? '(' : '[', field.minimum, field.maximum, field.maximum_open ? ')' : ']');
  if (low) return fmt::format(" {} {}", field.minimum_open ? ">" : ">=", field.minimum);
  if (high) return fmt::format(" {} {}", field.maximum_open ? "<" : "<=", field.maximum);
  return "";
}

std::string section_of(const std::string& name) { return name.substr(0, name.find('.') == std::string::npos ? 0 : name.find('.')); }

std::string default_text(const Field& field) {
  if (!field.default_value) return "required";
  const std::string text = task::to_text(*field.default_value);
  return "default " + (text.empty() ? "[]" : text);
}

}  // namespace

std::string expectation(const Field& field) {
  switch (field.type) {
    case ValueType::boolean:
      return "true or false";
    case ValueType::integer:
      return "integer" + range(field);
    case ValueType::real:
      return "real number" + range(field);
    case ValueType::integer_list:
      return "list of integers" + range(field);
    case ValueType::real_list:
      return "list of real numbers" + range(field);
    case ValueType::text:
      break;
  }
  if (field.check_file) return field.default_value ? task::to_text(*field.default_value) + ", or the name of a file" : "name of a file";
  if (field.choices.empty()) return "text";
  return field.choices.size() == 1 ? "'" + field.choices[0] + "'" : fmt::format("one of {}", fmt::join(field.choices, ", "));
}

std::string describe(const task::Schema& schema) {
  std::string text, section;
  for (const Field& field : schema) {
    if (!text.empty() && section_of(field.name) != section) text += "\n";
    section = section_of(field.name);
    const std::string unit = field.unit.empty() || field.unit == "1" ? "" : " " + field.unit;
    text += fmt::format("{:<24} {}{}; {}\n    {}\n", field.name, expectation(field), unit, default_text(field), field.meaning);
    if (const std::string condition = task::describe_conditions(field); !condition.empty()) text += "    " + condition + "\n";
  }
  return text;
}

const task::Schema& run_schema() {
  static const task::Schema schema{
      {.name = "max_failures",
       .type = ValueType::integer,
       .default_value = std::int64_t{100},
       .unit = "1",
       .meaning = "The run stops early once this many tasks have failed; what is finished stays.",
       .minimum = 1},
      {.name = "fail_fast", .type = ValueType::boolean, .default_value = false, .unit = "", .meaning = "Stop at the first failed task."},
      {.name = "memory_limit",
       .type = ValueType::real,
       .default_value = 8192.0,
       .unit = "MiB",
       .meaning = "Address space of one solve's process, beyond what it starts with; a solve that needs more fails; 0: no limit.",
       .minimum = 0,
       .maximum = task::ResourceLimits::largest_memory_mib},
      {.name = "cpu_limit",
       .type = ValueType::real,
       .default_value = 0.0,
       .unit = "s",
       .meaning = "CPU time of one solve's process; a solve that reaches it ends as at its time limit; 0: no limit.",
       .minimum = 0},
      {.name = "kill_grace",
       .type = ValueType::real,
       .default_value = 0.0,
       .unit = "s",
       .meaning = "A solve is killed so long after its time limit, or after so much CPU time beyond its limit; 0: max(5 s, 5 % of the time "
                  "limit).",
       .minimum = 0},
      {.name = "max_tasks",
       .type = ValueType::integer,
       .default_value = std::int64_t{0},
       .unit = "1",
       .meaning = "A grid of more instances or tasks is refused before it is expanded; 0: as many as half of this machine's memory holds.",
       .minimum = 0,
       .maximum = 4'294'967'295.0},
  };
  return schema;
}

}  // namespace espalier::config
