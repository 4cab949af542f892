#include "app/schema_options.hpp"

#include <algorithm>

#include "espalier/base/error.hpp"
#include "espalier/task/variants.hpp"

namespace espalier::app {

namespace {

std::string option_name(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  return "--" + name;
}

template <class T>
CLI::Option* add_option(CLI::App& command, const task::Field& field, task::Parameters& values) {
  const auto store = [&values, field](const T& given) {
    if (const std::string problem = task::check_value(field, given); !problem.empty())
      throw CLI::ValidationError(option_name(field.name), problem);
    values.set(field.name, given);
  };
  return command.add_option_function<T>(option_name(field.name), store, field.meaning);
}

CLI::Option* add(CLI::App& command, const task::Field& field, task::Parameters& values) {
  switch (field.type) {
    case task::ValueType::boolean:
      return command.add_flag_callback(
          option_name(field.name), [&values, name = field.name] { values.set(name, true); }, field.meaning);
    case task::ValueType::integer:
      return add_option<std::int64_t>(command, field, values);
    case task::ValueType::real:
      return add_option<double>(command, field, values);
    case task::ValueType::text: {
      CLI::Option* option = add_option<std::string>(command, field, values);
      return field.choices.empty() ? option : option->type_name("{" + fmt::format("{}", fmt::join(field.choices, ",")) + "}");
    }
    case task::ValueType::integer_list:
    case task::ValueType::real_list:
      break;
  }
  base::fail(base::ErrorKind::internal, "{}: a list is no option", field.name);
}

}  // namespace

void add_options(CLI::App& command, const task::Schema& schema, task::Parameters& values) {
  for (const task::Field& field : schema) {
    values.set(field.name, field.default_value.value());
    CLI::Option* option = add(command, field, values);
    if (field.type != task::ValueType::boolean) option->default_str(task::to_text(*field.default_value));
  }
}

void keep_what_exists(const CLI::App& command, const task::Schema& schema, task::Parameters& values) {
  const task::Variants variants(schema);
  for (const std::string_view name : variants.absent(values)) {
    const std::string option = option_name(std::string(name));
    if (command.count(option) == 0) continue;
    task::Field field = *task::find_field(schema, name);
    for (task::Condition& condition : field.exists_if) condition.parameter = option_name(condition.parameter);
    base::fail(base::ErrorKind::configuration, "{}: {}", option, task::describe_conditions(field));
  }
  variants.remove_absent(values);
}

}  // namespace espalier::app
