// A struct's values, listed once: names, defaults, ranges, units and meanings. From that list come the keys of experiment files, command
// line options, columns, JSON keys and the printed reference.
#pragma once
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "espalier/base/words.hpp"
#include "espalier/task/field.hpp"

namespace espalier::record {

/// How a C++ type stands as a task::Value: this one, as it is. An enumeration stands as its word: `words(E)` is found beside it and returns
/// base::Words<E>.
template <class M>
struct Convert {
  static task::Value to_value(const M& member) { return member; }
  static M from_value(const task::Value& value) { return std::get<M>(value); }
};

template <std::integral M>
requires(!std::same_as<M, bool>) struct Convert<M> {
  static task::Value to_value(M member) { return static_cast<std::int64_t>(member); }
  static M from_value(const task::Value& value) { return static_cast<M>(std::get<std::int64_t>(value)); }
};

template <std::floating_point M>
struct Convert<M> {
  static task::Value to_value(M member) { return static_cast<double>(member); }
  static M from_value(const task::Value& value) {
    const auto* integer = std::get_if<std::int64_t>(&value);  // legal where a real is asked for
    return static_cast<M>(integer != nullptr ? static_cast<double>(*integer) : std::get<double>(value));
  }
};

template <class E>
requires std::is_enum_v<E>
struct Convert<E> {
  static task::Value to_value(E member) { return std::string(base::word_of(words(E{}), member)); }
  static E from_value(const task::Value& value) { return base::parse_word(words(E{}), "value", std::get<std::string>(value)); }
};

template <class M>
struct IsOptional : std::false_type {};
template <class M>
struct IsOptional<std::optional<M>> : std::true_type {};

/// The list of what a struct T holds.
template <class T>
class Record {
 public:
  struct Entry {
    task::Field field;  ///< the default is that of T{}, unless the list names another
    std::function<std::optional<task::Value>(const T&)> get;
    std::function<void(T&, const task::Value&)> set;  ///< empty for what is computed from the others
  };

  /// `access`: a pointer to a member, or a function of T& that returns a reference to what is to be set, or one of const T& that returns a
  /// value, which cannot be set. A std::optional stands as its value, if it has one.
  /// Of `field`, type, default and an enumeration's choices come from T where they are not given.
  template <class Access>
  Record& add(Access access, task::Field field) {
    using Member = std::decay_t<std::invoke_result_t<Access, const T&>>;
    Entry entry;
    if constexpr (IsOptional<Member>::value) {
      describe<typename Member::value_type>(field);
      entry.get = [access](const T& object) -> std::optional<task::Value> {
        const Member& member = std::invoke(access, object);
        if (!member) return std::nullopt;
        return Convert<typename Member::value_type>::to_value(*member);
      };
    } else {
      describe<Member>(field);
      entry.get = [access](const T& object) { return std::optional(Convert<Member>::to_value(std::invoke(access, object))); };
      if constexpr (is_settable<Access>()) {
        entry.set = [access](T& object, const task::Value& value) { std::invoke(access, object) = Convert<Member>::from_value(value); };
        if (!field.default_value) {
          const T standard{};
          field.default_value = Convert<Member>::to_value(std::invoke(access, standard));
        }
      }
    }
    entry.field = std::move(field);
    entries_.push_back(std::move(entry));
    return *this;
  }

  /// The list of a part, which `access` makes of a const T&: a std::optional, whose values are absent if it has none. They cannot be set.
  template <class Part, class Access>
  Record& include(const Record<Part>& part, Access access) {
    for (const auto& of_part : part.entries())
      entries_.push_back({of_part.field,
                          [access, get = of_part.get](const T& object) {
                            const std::optional<Part> made = std::invoke(access, object);
                            return made ? get(*made) : std::nullopt;
                          },
                          {}});
    return *this;
  }

  const std::vector<Entry>& entries() const { return entries_; }

  /// As parameters: with defaults, each name behind `prefix`, also in conditions.
  task::Schema parameters(std::string_view prefix) const {
    task::Schema schema;
    for (const Entry& entry : entries_) {
      task::Field field = entry.field;
      field.name.insert(0, prefix);
      for (task::Condition& condition : field.exists_if) condition.parameter.insert(0, prefix);
      schema.push_back(std::move(field));
    }
    return schema;
  }

  /// As results: without defaults.
  task::Schema columns() const {
    task::Schema schema = parameters("");
    for (task::Field& field : schema) field.default_value.reset();
    return schema;
  }

  /// What has a value, by name.
  task::Parameters values(const T& object) const {
    task::Parameters values;
    for (const Entry& entry : entries_)
      if (std::optional<task::Value> value = entry.get(object)) values.set(entry.field.name, std::move(*value));
    return values;
  }

  /// T{} with the values that stand in `values` under `prefix` and a name. The values are legal: check_value() has seen them.
  T from(const task::Parameters& values, std::string_view prefix) const {
    T object;
    std::string name(prefix);
    for (const Entry& entry : entries_) {
      name.resize(prefix.size());
      name += entry.field.name;
      if (const task::Value* value = values.find(name); value != nullptr && entry.set) entry.set(object, *value);
    }
    return object;
  }

 private:
  template <class Access>
  static constexpr bool is_settable() {
    if constexpr (!std::is_invocable_v<Access, T&>)
      return false;
    else {
      using Result = std::invoke_result_t<Access, T&>;
      return std::is_lvalue_reference_v<Result> && !std::is_const_v<std::remove_reference_t<Result>>;
    }
  }

  template <class Member>
  static void describe(task::Field& field) {
    field.type = task::type_of(Convert<Member>::to_value(Member{}));
    if constexpr (std::is_enum_v<Member>)
      for (const auto& [value, word] : words(Member{})) field.choices.emplace_back(word);
  }

  std::vector<Entry> entries_;
};

}  // namespace espalier::record
