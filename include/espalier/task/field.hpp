// A field is described once; YAML reading, defaults, checks, HDF5 columns, --help and the reference are made from it.
#pragma once
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "espalier/task/value.hpp"

namespace espalier::task {

/// What another parameter's value is, or is not.
struct Condition {
  std::string parameter;
  std::vector<Value> values;
  bool is_one_of = true;  ///< false: it is none of them
};

struct Field {
  std::string name;  ///< "train.learning_rate" for a parameter, "verified_objective" for a column
  ValueType type = ValueType::real;
  std::optional<Value> default_value = {};  ///< none: a parameter without default is required
  std::string unit = {};                    ///< "s", "1" (a pure number), "" (not a quantity)
  std::string meaning = {};                 ///< one sentence
  double minimum = -std::numeric_limits<double>::infinity();
  double maximum = std::numeric_limits<double>::infinity();
  bool minimum_open = false;  ///< minimum itself is not legal
  bool maximum_open = false;
  std::vector<std::string> choices = {};  ///< for text: the legal words; empty: any
  /// Of a result: may differ when the same task runs again, as a time, an amount of memory or a machine does. All else must not.
  bool measured = false;
  /// Of a parameter: it exists only beside values for which all of these hold (task::Variants).
  std::vector<Condition> exists_if = {};
  /// Of a text parameter: any value but its default, if it has one, names a file, and this throws base::Error if the file is not of the
  /// kind expected. What counts is then the file's content: see file_hash_name().
  std::function<void(const std::filesystem::path&)> check_file = {};
};

using Schema = std::vector<Field>;

/// Beside a parameter that names a file stands the hash of its content, which no experiment sets: "network.file_hash".
inline std::string file_hash_name(const std::string& parameter) { return parameter + "_hash"; }

const Field* find_field(const Schema& schema, std::string_view name);

/// "" if `value` is legal for `field`, else a sentence "expected ..., found ...". Integers are accepted for reals.
std::string check_value(const Field& field, const Value& value);

}  // namespace espalier::task
