// A parameter or result value, and ordered sets of named values. Data only: both towers speak this vocabulary.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace espalier::task {

using IntegerList = std::vector<std::int64_t>;
using Value = std::variant<bool, std::int64_t, double, std::string, IntegerList>;

enum class ValueType { boolean, integer, real, text, integer_list };
ValueType type_of(const Value& value);
std::string_view to_string(ValueType type);
/// As a person reads it: true, 32, 0.95, mnist, 32-32.
std::string to_text(const Value& value);

/// Named values in name order. Names are lower_case words, with dots between sections ("train.learning_rate").
class Parameters {
 public:
  using Map = std::map<std::string, Value, std::less<>>;

  Parameters() = default;
  Parameters(std::initializer_list<Map::value_type> items) : values_(items) {}

  void set(std::string name, Value value) { values_.insert_or_assign(std::move(name), std::move(value)); }
  bool contains(std::string_view name) const { return values_.find(name) != values_.end(); }
  const Value* find(std::string_view name) const;

  /// Typed access; an integer is read as a real where a real is asked for. Throws Error(internal) naming the parameter when it
  /// is absent or of another type: configurations were checked long before.
  bool boolean(std::string_view name) const;
  std::int64_t integer(std::string_view name) const;
  double real(std::string_view name) const;
  const std::string& text(std::string_view name) const;
  const IntegerList& integers(std::string_view name) const;

  const Map& map() const { return values_; }
  std::size_t size() const { return values_.size(); }
  /// One line per value, "name=type:text\n", doubles in shortest round-trip form: what content hashes are taken of.
  std::string canonical() const;
  friend bool operator==(const Parameters&, const Parameters&) = default;

 private:
  Map values_;
};

}  // namespace espalier::task
