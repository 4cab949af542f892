#include "plan/unread.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "espalier/base/error.hpp"

namespace espalier::plan {

using config::Block;
using task::Parameters;

namespace {

std::string_view section_of(std::string_view name) { return name.substr(0, name.find('.') + 1); }

}  // namespace

UnreadParameters::UnreadParameters(const config::Experiment& experiment, const task::Schema& schema)
    : experiment_(experiment), schema_(schema), variants_(schema) {
  collect(experiment.root, {});
}

void UnreadParameters::collect(const Block& block, std::vector<Mention*> around) {
  const auto mention = [&](const std::string& name, const config::Place& place) {
    const task::Field* field = task::find_field(schema_, name);
    if (field != nullptr && !field->exists_if.empty()) around.push_back(&mentions_.emplace_back(Mention{name, place}));
  };
  for (const auto& [name, value] : block.parameters.map()) {
    const task::Field* field = task::find_field(schema_, name);
    const bool is_default = field != nullptr && field->default_value && *field->default_value == value;
    if (&block != &experiment_.root || !is_default) mention(name, block.place);
  }
  for (const config::Axis& axis : block.product) mention(axis.name, axis.place);
  for (const config::Zip& zip : block.zips)
    for (const std::string& column : zip.columns) mention(column, zip.place);
  for (const Parameters& include : block.includes)
    for (const auto& [name, value] : include.map()) mention(name, block.place);
  for (const config::Conditional& conditional : block.conditionals)
    for (const auto& [name, value] : conditional.set.map()) mention(name, conditional.condition.place);
  for (const Block& inner : block.cases) collect(inner, around);
  if (!around.empty()) unread_.emplace(&block, std::move(around));
}

void UnreadParameters::see(const Parameters& instance, const Block& block) {
  const auto it = unread_.find(&block);
  if (it == unread_.end()) return;
  const std::vector<std::string_view> absent = variants_.absent(instance);
  std::erase_if(it->second, [&](Mention* mention) {
    mention->is_read = mention->is_read || !std::binary_search(absent.begin(), absent.end(), std::string_view(mention->name));
    if (!mention->is_read) note_section(*mention, absent);
    return mention->is_read;
  });
  if (it->second.empty()) unread_.erase(it);
}

void UnreadParameters::note_section(const Mention& mention, const std::vector<std::string_view>& absent) {
  std::vector<std::string> names;
  for (const task::Field& field : schema_)
    if (section_of(field.name) == section_of(mention.name) &&
        !std::binary_search(absent.begin(), absent.end(), std::string_view(field.name)))
      names.push_back(field.name);
  std::vector<std::string>& most = beside_[&mention];
  if (names.size() > most.size()) most = std::move(names);
}

std::string UnreadParameters::sentence(const Mention& mention) const {
  const config::Place& place = mention.place;
  std::string text = fmt::format("{}:{}:{}: {}no instance has {}: {}", experiment_.file, place.line, place.column,
                                 place.path.empty() ? "" : place.path + ": ", mention.name,
                                 task::describe_conditions(*task::find_field(schema_, mention.name)));
  if (const auto it = beside_.find(&mention); it != beside_.end()) text += fmt::format("; they have {}", fmt::join(it->second, ", "));
  return text;
}

void UnreadParameters::check() const {
  constexpr std::size_t most = 10;
  std::vector<std::string> sentences;
  for (const Mention& mention : mentions_)
    if (!mention.is_read && sentences.size() < most) sentences.push_back(sentence(mention));
  if (!sentences.empty()) base::fail(base::ErrorKind::configuration, "{}", fmt::join(sentences, "\n"));
}

}  // namespace espalier::plan
