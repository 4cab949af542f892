#include "config/overrides.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "config/files.hpp"
#include "config/value_reader.hpp"
#include "espalier/base/text.hpp"
#include "espalier/task/variants.hpp"

namespace espalier::config {

using task::Parameters;
using task::Value;

namespace {

Parameters without(const Parameters& parameters, const std::string& name) {
  Parameters rest;
  for (const auto& [key, value] : parameters.map())
    if (key != name) rest.set(key, value);
  return rest;
}

std::size_t column_of(const Zip& zip, const std::string& name) {
  return static_cast<std::size_t>(std::find(zip.columns.begin(), zip.columns.end(), name) - zip.columns.begin());
}

bool is_column(const Zip& zip, const std::string& name) { return column_of(zip, name) < zip.columns.size(); }

bool in_a_zip(const Block& block, const std::string& name) {
  return std::any_of(block.zips.begin(), block.zips.end(), [&](const Zip& zip) { return is_column(zip, name); }) ||
         std::any_of(block.cases.begin(), block.cases.end(), [&](const Block& inner) { return in_a_zip(inner, name); });
}

bool is_an_axis(const Block& block, const std::string& name) {
  return in_a_zip(block, name) || (name == "repetition" && block.repetitions) ||
         std::any_of(block.product.begin(), block.product.end(), [&](const Axis& axis) { return axis.name == name; }) ||
         std::any_of(block.cases.begin(), block.cases.end(), [&](const Block& inner) { return is_an_axis(inner, name); });
}

/// The block, or one within it, says what the parameter is. The outermost block's parameters are complete and do not count.
bool mentions(const Block& block, const std::string& name, bool outermost) {
  const auto holds = [&](const Parameters& parameters) { return parameters.contains(name); };
  return (!outermost && holds(block.parameters)) || is_an_axis(block, name) ||
         std::any_of(block.includes.begin(), block.includes.end(), holds) ||
         std::any_of(block.conditionals.begin(), block.conditionals.end(), [&](const Conditional& c) { return holds(c.set); }) ||
         std::any_of(block.cases.begin(), block.cases.end(), [&](const Block& inner) { return mentions(inner, name, false); });
}

/// One override on its way through the tree of blocks.
class Override {
 public:
  Override(std::string option, std::string name, std::vector<Value> values, Experiment& experiment, Problems& problems)
      : option_(std::move(option)), name_(std::move(name)), values_(std::move(values)), experiment_(experiment), problems_(problems) {}

  void apply() {
    Block& root = experiment_.root;
    if (values_.size() > 1 && is_an_axis(root, name_)) return replace_axes(root);
    strip(root);
    if (values_.size() == 1 && !in_a_zip(root, name_))
      root.parameters.set(name_, values_[0]);
    else
      place_in_cases(root);  // the outermost block has no axes
  }

  /// For a parameter that no instance has any more: back to its default, the only one of `values`, everywhere.
  void leave_out() {
    Block& root = experiment_.root;
    strip(root);
    drop_columns(root);
    root.parameters.set(name_, values_[0]);
  }

 private:
  void drop_columns(Block& block) {
    for (Zip& zip : block.zips) {
      const std::size_t column = column_of(zip, name_);
      if (column == zip.columns.size()) continue;
      const auto drop = [column](auto& list) { list.erase(list.begin() + static_cast<std::ptrdiff_t>(column)); };
      drop(zip.columns);
      std::vector<std::vector<Value>> rows;
      for (std::vector<Value>& row : zip.rows) {
        drop(row);
        if (std::find(rows.begin(), rows.end(), row) == rows.end()) rows.push_back(std::move(row));
      }
      zip.rows = std::move(rows);
    }
    std::erase_if(block.zips, [](const Zip& zip) { return zip.columns.empty(); });
    for (Block& inner : block.cases) drop_columns(inner);
  }

  void note(const std::string& what) { experiment_.notes.push_back(option_ + " " + what); }

  void replace_axes(Block& block) {
    for (Axis& axis : block.product) {
      if (axis.name != name_) continue;
      note(fmt::format("replaces the {} values of {}", axis.values.size(), axis.place.path));
      axis.values = values_;
    }
    for (Zip& zip : block.zips)
      if (is_column(zip, name_)) select_rows(zip);
    if (name_ == "repetition" && drop_repetitions(block)) return &block == &experiment_.root ? place_in_cases(block) : place(block);
    for (Block& inner : block.cases) replace_axes(inner);
  }

  bool drop_repetitions(Block& block) {
    if (!block.repetitions) return false;
    note(fmt::format("replaces the {} repetitions of {}", *block.repetitions, block.place.path.empty() ? "the file" : block.place.path));
    block.repetitions.reset();
    return true;
  }

  /// Removes every mention of the parameter but the zips and patterns, and the conditionals that match no instance any more.
  void strip(Block& block) {
    block.parameters = without(block.parameters, name_);
    for (const Axis& axis : block.product)
      if (axis.name == name_) note(fmt::format("replaces the {} values of {}", axis.values.size(), axis.place.path));
    std::erase_if(block.product, [&](const Axis& axis) { return axis.name == name_; });
    if (name_ == "repetition") drop_repetitions(block);
    for (Conditional& conditional : block.conditionals) {
      if (!conditional.set.contains(name_)) continue;
      note(fmt::format("replaces what {} sets", conditional.condition.place.path));
      conditional.set = without(conditional.set, name_);
    }
    std::erase_if(block.conditionals, [this](const Conditional& conditional) {
      if (conditional.set.size() == 0) return true;
      const bool ruled_out = rules_out(conditional.condition);
      if (ruled_out) note(fmt::format("leaves out {}: no instance matches", conditional.condition.place.path));
      return ruled_out;
    });
    strip_includes(block);
    for (Block& inner : block.cases) strip(inner);
  }

  /// Whether the pattern wants the parameter to have another value.
  bool rules_out(const Pattern& pattern) const {
    return std::any_of(pattern.any_of.begin(), pattern.any_of.end(), [this](const Axis& axis) {
      return axis.name == name_ && std::none_of(axis.values.begin(), axis.values.end(), [this](const Value& value) {
               return std::find(values_.begin(), values_.end(), value) != values_.end();
             });
    });
  }

  void strip_includes(Block& block) {
    std::vector<Parameters> includes;
    bool mentioned = false;
    for (const Parameters& include : block.includes) {
      mentioned = mentioned || include.contains(name_);
      Parameters rest = without(include, name_);
      if (std::find(includes.begin(), includes.end(), rest) == includes.end()) includes.push_back(std::move(rest));
    }
    if (mentioned) note(fmt::format("replaces the values of {}.include", block.place.path));
    block.includes = std::move(includes);
  }

  /// Gives the parameter its values in every instance of the block, exactly once.
  void place(Block& block) {
    const auto zip = std::find_if(block.zips.begin(), block.zips.end(), [&](const Zip& z) { return is_column(z, name_); });
    if (zip != block.zips.end()) {
      select_rows(*zip);
      multiply_includes(block);
    } else if (in_a_zip(block, name_)) {
      place_in_cases(block);
      multiply_includes(block);
    } else if (values_.size() == 1) {
      block.parameters.set(name_, values_[0]);
    } else {
      block.product.push_back({name_, values_, {option_, 0, 0}});
      multiply_includes(block);
    }
  }

  void place_in_cases(Block& block) {
    for (Block& inner : block.cases) place(inner);
  }

  void select_rows(Zip& zip) {
    const std::size_t column = column_of(zip, name_), before = zip.rows.size();
    std::vector<std::string> present;
    for (const auto& row : zip.rows) present.push_back(task::to_text(row[column]));
    std::erase_if(zip.rows, [&](const auto& row) { return std::find(values_.begin(), values_.end(), row[column]) == values_.end(); });
    if (zip.rows.empty())
      problems_.add({option_, 0, 0}, fmt::format("{} is a column of {}, where --set selects rows: expected one of {}", name_,
                                                 zip.place.path, fmt::join(present, ", ")));
    else
      note(fmt::format("keeps {} of the {} rows of {}", zip.rows.size(), before, zip.place.path));
  }

  void multiply_includes(Block& block) {
    std::vector<Parameters> includes;
    for (const Parameters& include : block.includes)
      for (const Value& value : values_) {
        Parameters copy = include;
        copy.set(name_, value);
        includes.push_back(std::move(copy));
      }
    block.includes = std::move(includes);
  }

  std::string option_;
  std::string name_;
  std::vector<Value> values_;
  Experiment& experiment_;
  Problems& problems_;
};

/// After `name` was given one value everywhere: what cannot exist beside that (Field::exists_if) goes, unless it is in `given`, too.
void leave_out_absent(const std::string& option, const std::string& name, const Value& value, const std::set<std::string>& given,
                      const task::Schema& schema, Experiment& experiment, Problems& problems) {
  for (const task::Field& field : schema) {
    const bool may_exist = std::all_of(field.exists_if.begin(), field.exists_if.end(), [&](const task::Condition& condition) {
      const bool listed = std::find(condition.values.begin(), condition.values.end(), value) != condition.values.end();
      return condition.parameter != name || listed == condition.is_one_of;
    });
    if (may_exist || given.contains(field.name) || !field.default_value) continue;
    const Value* at_root = experiment.root.parameters.find(field.name);
    if (mentions(experiment.root, field.name, true) || (at_root != nullptr && *at_root != *field.default_value)) {
      experiment.notes.push_back(fmt::format("{} leaves out {}: {}", option, field.name, task::describe_conditions(field)));
      Override(option, field.name, {*field.default_value}, experiment, problems).leave_out();
    }
    leave_out_absent(option, field.name, *field.default_value, given, schema, experiment, problems);
  }
}

struct Option {
  std::string text;  ///< "--set train.seed=3"
  std::string key;
  Node value;
};

std::optional<Option> parse_option(const std::string& text, Problems& problems) {
  const std::string option = "--set " + text;
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    problems.add({option, 0, 0}, "expected key=value");
    return std::nullopt;
  }
  Problems inner("--set");
  auto node = parse_document(std::string_view(text).substr(equals + 1), text.substr(0, equals), inner);
  if (!node || !inner.empty()) {
    problems.add({option, 0, 0}, "expected a YAML value or list behind the equals sign");
    return std::nullopt;
  }
  return Option{option, text.substr(0, equals), std::move(*node)};
}

void apply_run_setting(const Option& option, const std::string& name, Experiment& experiment, Problems& problems) {
  const Place place{option.text, 0, 0};
  std::vector<std::string> names;
  for (const task::Field& field : run_schema()) names.push_back("run." + field.name);
  if (const task::Field* field = task::find_field(run_schema(), name)) {
    if (auto value = read_value(option.value, *field, place, problems)) experiment.run.set(name, std::move(*value));
  } else {
    problems.add(place, fmt::format("unknown run setting '{}'{}; there are {}", option.key, base::did_you_mean(option.key, names),
                                    fmt::join(names, ", ")));
  }
}

void apply_parameter(const Option& option, const std::set<std::string>& given, Experiment& experiment, const task::Schema& schema,
                     Problems& problems) {
  const Place place{option.text, 0, 0};
  const task::Field* field = task::find_field(schema, option.key);
  if (!field) return problems.add(place, unknown_parameter(option.key, schema));
  std::vector<Value> values;
  if (is_list_of(option.value, *field))
    values = read_values(option.value, *field, place, problems);
  else if (auto value = read_value(option.value, *field, place, problems))
    values.push_back(std::move(*value));
  if (values.empty()) return;
  for (Value& value : values) value = resolve_file(std::move(value), *field, "");
  const std::optional<Value> only = values.size() == 1 ? std::optional(values[0]) : std::nullopt;
  Override(option.text, option.key, std::move(values), experiment, problems).apply();
  if (only) leave_out_absent(option.text, option.key, *only, given, schema, experiment, problems);
}

}  // namespace

void apply_overrides(Experiment& experiment, const task::Schema& schema, const std::vector<std::string>& overrides, Problems& problems) {
  std::set<std::string> seen, given;
  for (const std::string& text : overrides) given.insert(text.substr(0, text.find('=')));
  for (const std::string& text : overrides) {
    const auto option = parse_option(text, problems);
    if (!option) continue;
    if (!seen.insert(option->key).second)
      problems.add({option->text, 0, 0}, fmt::format("{} is set twice", option->key));
    else if (option->key.starts_with("run."))
      apply_run_setting(*option, option->key.substr(4), experiment, problems);
    else
      apply_parameter(*option, given, experiment, schema, problems);
  }
}

}  // namespace espalier::config
