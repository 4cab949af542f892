#include "espalier/plan/difference.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "espalier/plan/expansion.hpp"
#include "espalier/plan/plan.hpp"

namespace espalier::plan {

using config::Experiment;
using task::Parameters;
using task::Value;

namespace {

struct Range {
  std::map<std::string, std::set<Value>> values;
  std::uint64_t instances = 0;
};

Range range_of(const Experiment& experiment, const task::Schema& schema) {
  Range range;
  range.instances = for_each_instance(experiment, schema, [&](const Parameters& instance, const config::Block&) {
                      for (const auto& [name, value] : instance.map()) range.values[name].insert(value);
                    }).instances;
  return range;
}

/// The values in order; the middle of a long list is left out.
std::string list(const std::set<Value>& values) {
  constexpr std::size_t most_shown = 12;
  std::vector<std::string> texts;
  for (const Value& value : values) texts.push_back(task::to_text(value));
  for (std::string& text : texts)
    if (text.empty()) text = "[]";
  if (texts.size() <= most_shown) return fmt::format("{}", fmt::join(texts, ", "));
  return fmt::format("{}, ..., {} ({} values)", fmt::join(texts.begin(), texts.begin() + most_shown - 2, ", "), texts.back(), texts.size());
}

}  // namespace

std::vector<Change> difference(const Experiment& before, const Experiment& now, const task::Schema& schema) {
  std::vector<Change> changes;
  if (before.study != now.study) return {{"study", before.study, now.study}};
  if (fingerprint(before, schema) == fingerprint(now, schema)) return changes;
  Range old_range = range_of(before, schema), new_range = range_of(now, schema);
  const auto compare = [&](const std::string& name) {
    const std::set<Value>& old_values = old_range.values[name];
    const std::set<Value>& new_values = new_range.values[name];
    if (old_values != new_values) changes.push_back({name, list(old_values), list(new_values)});
  };
  for (const task::Field& field : schema) {
    compare(field.name);
    if (field.check_file) compare(task::file_hash_name(field.name));
  }
  if (changes.empty())
    changes.push_back({"grid", fmt::format("{} instances", old_range.instances),
                       fmt::format("{} instances, other combinations of the same values", new_range.instances)});
  return changes;
}

std::string to_text(const std::vector<Change>& changes) {
  std::vector<std::string> texts;
  for (const Change& change : changes) texts.push_back(fmt::format("{} was {}, now {}", change.key, change.before, change.now));
  return fmt::format("{}", fmt::join(texts, "; "));
}

}  // namespace espalier::plan
