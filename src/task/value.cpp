#include "espalier/task/value.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <unordered_set>

#include "espalier/base/error.hpp"

namespace espalier::task {

using base::ErrorKind;
using base::fail;

ValueType type_of(const Value& value) { return static_cast<ValueType>(value.index()); }

std::string_view to_string(ValueType type) {
  switch (type) {
    case ValueType::boolean:
      return "boolean";
    case ValueType::integer:
      return "integer";
    case ValueType::real:
      return "real";
    case ValueType::text:
      return "text";
    case ValueType::integer_list:
      return "list of integers";
    case ValueType::real_list:
      return "list of reals";
  }
  return "unknown";
}

namespace {
struct ToText {
  std::string operator()(bool v) const { return v ? "true" : "false"; }
  std::string operator()(std::int64_t v) const { return fmt::format("{}", v); }
  std::string operator()(double v) const { return fmt::format("{}", v); }
  std::string operator()(const std::string& v) const { return v; }
  std::string operator()(const IntegerList& v) const { return fmt::format("{}", fmt::join(v, "-")); }
  std::string operator()(const RealList& v) const { return fmt::format("{}", fmt::join(v, ", ")); }
};
}  // namespace

std::string to_text(const Value& value) { return std::visit(ToText{}, value); }

namespace {

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

/// The one copy of a name. Names are those of schemas, a few hundred; they live until the process ends.
const std::string* intern(std::string_view name) {
  static std::mutex mutex;
  static auto& names = *new std::unordered_set<std::string, TextHash, std::equal_to<>>;  // outlives every static Parameters
  const std::lock_guard lock(mutex);
  if (const auto it = names.find(name); it != names.end()) return &*it;
  return &*names.emplace(name).first;
}

}  // namespace

Parameters::Parameters(std::initializer_list<std::pair<const std::string, Value>> items) {
  entries_.reserve(items.size());
  for (const auto& [name, value] : items) set(name, value);
}

void Parameters::set(std::string_view name, Value value) {
  const auto before = [](const Entry& entry, std::string_view wanted) { return *entry.name < wanted; };
  const auto at = std::lower_bound(entries_.begin(), entries_.end(), name, before);
  if (at != entries_.end() && *at->name == name)
    at->value = std::move(value);
  else
    entries_.insert(at, Entry{intern(name), std::move(value)});
}

const Value* Parameters::find(std::string_view name) const {
  const auto before = [](const Entry& entry, std::string_view wanted) { return *entry.name < wanted; };
  const auto at = std::lower_bound(entries_.begin(), entries_.end(), name, before);
  return at == entries_.end() || *at->name != name ? nullptr : &at->value;
}

namespace {
const Value& require(const Parameters& parameters, std::string_view name) {
  if (const Value* value = parameters.find(name)) return *value;
  fail(ErrorKind::internal, "parameter '{}' is absent", name);
}

template <class T>
const T& require_as(const Parameters& parameters, std::string_view name, ValueType type) {
  const Value& value = require(parameters, name);
  if (const T* typed = std::get_if<T>(&value)) return *typed;
  fail(ErrorKind::internal, "parameter '{}': expected {}, found {} {}", name, to_string(type), to_string(type_of(value)), to_text(value));
}
}  // namespace

bool Parameters::boolean(std::string_view name) const { return require_as<bool>(*this, name, ValueType::boolean); }
std::int64_t Parameters::integer(std::string_view name) const { return require_as<std::int64_t>(*this, name, ValueType::integer); }
const std::string& Parameters::text(std::string_view name) const { return require_as<std::string>(*this, name, ValueType::text); }
const IntegerList& Parameters::integers(std::string_view name) const {
  return require_as<IntegerList>(*this, name, ValueType::integer_list);
}
const RealList& Parameters::reals(std::string_view name) const { return require_as<RealList>(*this, name, ValueType::real_list); }

double Parameters::real(std::string_view name) const {
  if (const auto* integer = std::get_if<std::int64_t>(&require(*this, name))) return static_cast<double>(*integer);
  return require_as<double>(*this, name, ValueType::real);
}

std::string Parameters::canonical() const {
  std::string text;
  text.reserve(40 * entries_.size());
  for (const Entry& entry : entries_)
    text.append(*entry.name).append("=").append(to_string(type_of(entry.value))).append(":").append(to_text(entry.value)).append("\n");
  return text;
}

}  // namespace espalier::task
