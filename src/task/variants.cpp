#include "espalier/task/variants.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "espalier/base/error.hpp"

namespace espalier::task {

namespace {

bool is_in(const Value& value, const std::vector<Value>& values) { return std::find(values.begin(), values.end(), value) != values.end(); }

std::string word(const Value& value) {
  const std::string text = to_text(value);
  return text.empty() ? "empty" : text;
}

std::string describe(const Condition& condition) {
  std::string text = condition.parameter + (condition.is_one_of ? " is " : " is not ");
  for (std::size_t i = 0; i < condition.values.size(); ++i) {
    if (i > 0) text += i + 1 < condition.values.size() ? ", " : " or ";
    text += word(condition.values[i]);
  }
  return text;
}

}  // namespace

Variants::Variants(const Schema& schema) : schema_(schema) {
  const auto source_of = [&](const std::string& name) {
    const auto it = std::find_if(sources_.begin(), sources_.end(), [&](const Source& s) { return *s.name == name; });
    return it == sources_.end() ? none : static_cast<std::size_t>(it - sources_.begin());
  };
  for (const Field& field : schema_)
    for (const Condition& condition : field.exists_if) {
      const Field* source = find_field(schema_, condition.parameter);
      if (source == nullptr || !source->default_value)
        base::fail(base::ErrorKind::internal, "{}: its condition names '{}', which is no parameter with a default", field.name,
                   condition.parameter);
      if (source_of(condition.parameter) == none) sources_.push_back({&source->name, &*source->default_value});
    }
  std::vector<const Field*> waiting;
  for (const Field& field : schema_)
    if (!field.exists_if.empty()) waiting.push_back(&field);
  while (!waiting.empty()) {
    const auto is_settled = [&](const Condition& condition) {
      return std::none_of(waiting.begin(), waiting.end(), [&](const Field* other) { return other->name == condition.parameter; });
    };
    const auto next = std::find_if(waiting.begin(), waiting.end(), [&](const Field* field) {
      return std::all_of(field->exists_if.begin(), field->exists_if.end(), is_settled);
    });
    if (next == waiting.end()) base::fail(base::ErrorKind::internal, "{}: its condition depends on itself", waiting.front()->name);
    Conditional conditional{.name = &(*next)->name, .source = source_of((*next)->name), .tests = {}};
    for (const Condition& condition : (*next)->exists_if)
      conditional.tests.push_back({source_of(condition.parameter), &condition.values, condition.is_one_of});
    conditionals_.push_back(std::move(conditional));
    waiting.erase(next);
  }
  for (std::size_t i = 0; i < conditionals_.size(); ++i) by_name_.push_back(i);
  std::sort(by_name_.begin(), by_name_.end(), [&](auto a, auto b) { return *conditionals_[a].name < *conditionals_[b].name; });
}

std::vector<bool> Variants::missing(const Parameters& instance) const {
  std::vector<const Value*> values;
  values.reserve(sources_.size());
  for (const Source& source : sources_) {
    const Value* given = instance.find(*source.name);
    values.push_back(given != nullptr ? given : source.default_value);
  }
  std::vector<bool> missing(conditionals_.size());
  for (std::size_t i = 0; i < conditionals_.size(); ++i) {
    const Conditional& conditional = conditionals_[i];
    missing[i] = !std::all_of(conditional.tests.begin(), conditional.tests.end(),
                              [&](const Test& test) { return is_in(*values[test.source], *test.values) == test.is_one_of; });
    if (missing[i] && conditional.source != none) values[conditional.source] = sources_[conditional.source].default_value;
  }
  return missing;
}

std::vector<std::string_view> Variants::absent(const Parameters& instance) const {
  const std::vector<bool> missing = this->missing(instance);
  std::vector<std::string_view> names;
  for (const std::size_t i : by_name_)
    if (missing[i]) names.push_back(*conditionals_[i].name);
  return names;
}

void Variants::remove_absent(Parameters& instance) const {
  const std::vector<std::string_view> names = absent(instance);
  auto next = names.begin();  // both are in name order
  instance.erase_if([&](const std::string& name) {
    while (next != names.end() && *next < name) ++next;
    return next != names.end() && *next == name;
  });
}

Schema fix_parameter(Schema schema, const std::string& name, const Value& value) {
  const auto contradicts = [&](const Condition& condition) {
    return condition.parameter == name && is_in(value, condition.values) != condition.is_one_of;
  };
  Schema rest;
  std::vector<std::pair<std::string, Value>> gone;  // they count as their defaults from now on
  for (Field& field : schema) {
    if (field.name == name) continue;
    if (std::any_of(field.exists_if.begin(), field.exists_if.end(), contradicts)) {
      if (field.default_value) gone.emplace_back(field.name, *field.default_value);
      continue;
    }
    std::erase_if(field.exists_if, [&](const Condition& condition) { return condition.parameter == name; });
    rest.push_back(std::move(field));
  }
  for (const auto& [other, standard] : gone) rest = fix_parameter(std::move(rest), other, standard);
  return rest;
}

std::string describe_conditions(const Field& field) {
  std::string text;
  for (const Condition& condition : field.exists_if) text += (text.empty() ? "it exists only if " : " and ") + describe(condition);
  return text;
}

}  // namespace espalier::task
