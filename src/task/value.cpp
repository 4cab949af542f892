#include "espalier/task/value.hpp"

#include <fmt/format.h>

namespace espalier::task {

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

}  // namespace espalier::task
