// Alternatives among parameters: a tagged union, written with flat names. prune.rate exists if prune.criterion is magnitude or random.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "espalier/task/field.hpp"
#include "espalier/task/value.hpp"

namespace espalier::task {

/// The conditions of a schema (Field::exists_if), ready for a million instances.
class Variants {
 public:
  /// Throws Error(internal) if a condition names no parameter of the schema, or if conditions depend on each other in a circle.
  explicit Variants(const Schema& schema);
  Variants(const Variants&) = delete;  // it points into its own schema
  Variants& operator=(const Variants&) = delete;

  /// Names of the parameters that do not exist beside the values of this instance, in name order. What is not set, or does not exist,
  /// counts in conditions as its default.
  std::vector<std::string_view> absent(const Parameters& instance) const;

  /// Takes what does not exist out of the instance.
  void remove_absent(Parameters& instance) const;

 private:
  struct Test {
    std::size_t source;  ///< in sources_
    const std::vector<Value>* values;
    bool is_one_of;
  };
  struct Conditional {
    const std::string* name;
    std::size_t source;  ///< its own place in sources_, or none
    std::vector<Test> tests;
  };
  struct Source {
    const std::string* name;
    const Value* default_value;
  };
  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  std::vector<bool> missing(const Parameters& instance) const;

  Schema schema_;
  std::vector<Source> sources_;            ///< what conditions look at
  std::vector<Conditional> conditionals_;  ///< each behind those that its tests look at
  std::vector<std::size_t> by_name_;       ///< conditionals in name order
};

/// The schema for instances in all of which the parameter has this value: it and what cannot exist beside it are gone.
Schema fix_parameter(Schema schema, const std::string& name, const Value& value);

/// "it exists only if prune.criterion is magnitude or random and ..."; "" of a field without conditions.
std::string describe_conditions(const Field& field);

}  // namespace espalier::task
