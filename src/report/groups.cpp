#include "espalier/report/groups.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>

namespace espalier::report {

namespace {

const std::string radius = "problem_epsilon";

/// What repeats an experiment.
const std::vector<std::string>& repetition_axes() {
  static const std::vector<std::string> names{"train_seed",   "prune_seed", "problem_sample_index",
                                              "problem_name", "solve_seed", "repetition"};
  return names;
}

bool contains(std::span<const std::string> names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// In a column's order: see Values.
bool text_before(const std::string& a, const std::string& b) {
  const bool widths = !a.empty() && !b.empty() && a.find_first_not_of("0123456789-") == std::string::npos &&
                      b.find_first_not_of("0123456789-") == std::string::npos;
  if (widths && a.size() != b.size()) return a.size() < b.size();
  if ((a == "none") != (b == "none")) return a == "none";
  return a < b;
}

/// NaN behind all numbers.
bool real_before(double a, double b) { return std::isnan(b) ? !std::isnan(a) : a < b; }

/// Gives each value of a column a code, as they come; in the column's order once all are there.
class Encoder {
 public:
  virtual ~Encoder() = default;
  virtual void add(const h5::ColumnValues& values) = 0;
  virtual void finish(std::vector<std::string>& texts, std::vector<std::uint32_t>& codes) = 0;
};

template <class T, class Before>
class EncoderOf final : public Encoder {
 public:
  explicit EncoderOf(Before before) : first_codes_(before) {}

  void add(const h5::ColumnValues& values) override {
    for (const T& value : std::get<std::vector<T>>(values))
      codes_.push_back(first_codes_.try_emplace(value, static_cast<std::uint32_t>(first_codes_.size())).first->second);
  }
  void finish(std::vector<std::string>& texts, std::vector<std::uint32_t>& codes) override {
    std::vector<std::uint32_t> places(first_codes_.size());
    for (const auto& [value, code] : first_codes_) {
      places[code] = static_cast<std::uint32_t>(texts.size());
      texts.push_back(fmt::format("{}", value));
    }
    for (std::uint32_t& code : codes_) code = places[code];
    codes = std::move(codes_);
  }

 private:
  std::map<T, std::uint32_t, Before> first_codes_;
  std::vector<std::uint32_t> codes_;
};

std::unique_ptr<Encoder> encoder_for(const h5::ColumnValues& values) {
  if (std::holds_alternative<std::vector<bool>>(values)) return std::make_unique<EncoderOf<bool, std::less<>>>(std::less<>());
  if (std::holds_alternative<std::vector<std::int64_t>>(values))
    return std::make_unique<EncoderOf<std::int64_t, std::less<>>>(std::less<>());
  if (std::holds_alternative<std::vector<double>>(values))
    return std::make_unique<EncoderOf<double, bool (*)(double, double)>>(real_before);
  return std::make_unique<EncoderOf<std::string, bool (*)(const std::string&, const std::string&)>>(text_before);
}

using Codes = std::vector<std::uint32_t>;

Codes codes_of(const Values& values, std::span<const std::size_t> columns, std::size_t row) {
  Codes codes;
  for (const std::size_t column : columns) codes.push_back(values.code(column, row));
  return codes;
}

std::size_t count_distinct(const Values& values, std::span<const std::size_t> columns, std::span<const std::size_t> rows) {
  std::set<Codes> distinct;
  for (const std::size_t row : rows) distinct.insert(codes_of(values, columns, row));
  return distinct.size();
}

/// The radius belongs to the image if each image of each network has one.
bool radius_is_of_image(const Values& values, std::span<const std::size_t> rows) {
  std::vector<std::size_t> columns;
  for (const char* name : {"dataset_name", "dataset_side", "train_seed", "problem_split", "problem_sample_index"})
    if (const auto column = values.find(name)) columns.push_back(*column);
  const std::size_t images = count_distinct(values, columns, rows);
  if (const auto column = values.find(radius)) columns.push_back(*column);
  return count_distinct(values, columns, rows) == images;
}

/// "train_seed (10 values), problem_epsilon (4.8 to 5.4, one for each image)"
std::string describe_pooled(const Values& values, std::span<const std::size_t> rows, const std::vector<std::size_t>& pooled) {
  std::vector<std::string> parts;
  for (const std::size_t column : pooled) {
    std::map<std::uint32_t, std::string> distinct;
    for (const std::size_t row : rows) distinct.emplace(values.code(column, row), values.text(column, row));
    if (distinct.size() < 2) continue;
    const std::string& name = values.names()[column];
    parts.push_back(name == radius ? fmt::format("{} ({:.3g} to {:.3g}, one for each image)", name, std::stod(distinct.begin()->second),
                                                 std::stod(distinct.rbegin()->second))
                                   : fmt::format("{} ({} values)", name, distinct.size()));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

/// Those that tell more groups apart than the ones before them, the most telling order being the given one.
std::vector<std::size_t> telling(const Values& values, const std::vector<std::size_t>& columns, std::span<const std::size_t> examples) {
  std::vector<std::size_t> chosen;
  std::size_t told_apart = std::min<std::size_t>(examples.size(), 1);
  for (const std::size_t column : columns) {
    chosen.push_back(column);
    const std::size_t now = count_distinct(values, chosen, examples);
    if (now == told_apart) chosen.pop_back();
    told_apart = now;
  }
  return chosen;
}

}  // namespace

Values::Values(const results::Table& table, std::span<const std::string> names, const h5::Column* more) {
  std::vector<std::string> read;
  for (const std::string& name : names) {
    const bool is_more = more != nullptr && more->name == name;
    if (!is_more && !table.has(name)) continue;
    names_.push_back(name);
    if (!is_more) read.push_back(name);
  }
  std::map<std::string, std::unique_ptr<Encoder>> encoders;
  const auto add = [&](const h5::Column& column) {
    std::unique_ptr<Encoder>& encoder = encoders[column.name];
    if (!encoder) encoder = encoder_for(column.values);
    encoder->add(column.values);
  };
  table.for_each_block(read, [&](const h5::Table& rows) {
    for (const h5::Column& column : rows.columns) add(column);
  });
  if (more != nullptr && find(more->name)) add(*more);
  for (const std::string& name : names_) {
    Coded& column = columns_.emplace_back();
    if (const auto it = encoders.find(name); it != encoders.end()) it->second->finish(column.texts, column.codes);  // else: no rows
  }
}

std::optional<std::size_t> Values::find(const std::string& name) const {
  const auto it = std::find(names_.begin(), names_.end(), name);
  return it == names_.end() ? std::nullopt : std::optional<std::size_t>(it - names_.begin());
}

Groups group_rows(const results::Table& table, std::span<const std::size_t> rows, std::span<const std::string> parameters,
                  std::span<const std::string> first, const h5::Column* more) {
  std::vector<std::string> ordered(first.begin(), first.end());
  for (const std::string& name : parameters)
    if (!contains(first, name)) ordered.push_back(name);
  const Values values(table, ordered, more);
  const bool pool_radius = radius_is_of_image(values, rows);
  std::vector<std::size_t> keys, pooled;
  for (std::size_t column = 0; column < values.names().size(); ++column) {
    const std::string& name = values.names()[column];
    (contains(repetition_axes(), name) || (pool_radius && name == radius) ? pooled : keys).push_back(column);
  }
  std::map<Codes, std::vector<std::size_t>> members;
  for (const std::size_t row : rows) members[codes_of(values, keys, row)].push_back(row);
  std::vector<std::size_t> examples;
  for (const auto& [codes, group] : members) examples.push_back(group.front());
  Groups result;
  const std::vector<std::size_t> shown = telling(values, keys, examples);
  for (const std::size_t column : shown) result.columns.push_back(values.names()[column]);
  std::map<Codes, Group> in_order;
  for (auto& [codes, group] : members) {
    Group& next = in_order[codes_of(values, shown, group.front())];
    for (const std::size_t column : shown) next.values.push_back(values.text(column, group.front()));
    next.members = std::move(group);
  }
  for (auto& [codes, group] : in_order) result.groups.push_back(std::move(group));
  for (const std::string& name : first)
    if (const auto column = values.find(name);
        column && !rows.empty() && !contains(result.columns, name) && count_distinct(values, std::vector<std::size_t>{*column}, rows) == 1)
      result.common.emplace_back(name, values.text(*column, rows.front()));
  result.pooled = describe_pooled(values, rows, pooled);
  return result;
}

Partners::Partners(const results::Table& table, std::span<const std::size_t> candidates, std::span<const std::string> columns)
    : values_(table, columns), candidates_(candidates.begin(), candidates.end()) {
  for (const std::size_t row : candidates_) by_key_[key(row)].push_back(row);
}

std::vector<std::uint32_t> Partners::key(std::size_t row) const {
  Codes codes;
  for (std::size_t column = 0; column < values_.names().size(); ++column) codes.push_back(values_.code(column, row));
  return codes;
}

std::optional<std::size_t> Partners::find(std::size_t row) const {
  const auto it = by_key_.find(key(row));
  return it == by_key_.end() || it->second.size() != 1 ? std::nullopt : std::optional(it->second.front());
}

std::string Partners::why_none(std::size_t row) const {
  if (candidates_.empty()) return "none is done";
  const Codes own = key(row);
  if (const auto it = by_key_.find(own); it != by_key_.end()) return fmt::format("{} agree with it in everything", it->second.size());
  std::vector<std::string> nearest;
  for (const std::size_t candidate : candidates_) {
    std::vector<std::string> differences;
    for (std::size_t column = 0; column < own.size(); ++column)
      if (values_.code(column, candidate) != own[column])
        differences.push_back(
            fmt::format("{} ({} and {})", values_.names()[column], values_.text(column, row), values_.text(column, candidate)));
    if (nearest.empty() || differences.size() < nearest.size()) nearest = std::move(differences);
  }
  return fmt::format("the nearest differs in {}", fmt::join(nearest, ", "));
}

}  // namespace espalier::report
