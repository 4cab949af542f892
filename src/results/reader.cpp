#include "espalier/results/reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>

#include "espalier/base/error.hpp"
#include "espalier/base/text.hpp"
#include "espalier/results/schema.hpp"

namespace espalier::results {

using base::ErrorKind;
using base::fail;

namespace {

/// The parameters of a table that does not name them: see Table::parameters.
std::vector<std::string> parameters_by_place(const std::vector<std::string>& columns) {
  constexpr std::array<std::string_view, 6> of_every_table{"key", "kind", "status", "message", "cpu_seconds", "peak_memory_mib"};
  std::vector<std::string> names;
  for (const std::string& column : columns) {
    if (std::find(of_every_table.begin(), of_every_table.end(), column) != of_every_table.end()) continue;
    names.push_back(column);
    if (column == "repetition") return names;
  }
  return {};
}

template <class T>
void append(const std::vector<T>& block, std::vector<T>& values) {
  values.insert(values.end(), block.begin(), block.end());
}

}  // namespace

std::vector<std::string> table_names(const h5::Group& root) {
  std::vector<std::string> names = root.children();
  std::erase_if(names, [&](const std::string& name) { return !root.is_dataset(name); });
  return names;
}

Table::Table(const h5::Group& root, std::string name) : root_(root), name_(std::move(name)) {
  if (!root.is_dataset(name_)) {
    const std::vector<std::string> tables = table_names(root);
    fail(ErrorKind::data, "'{}': there is no table '{}'{}; there are: {}", root.file_name(), name_, base::did_you_mean(name_, tables),
         fmt::join(tables, ", "));
  }
  const h5::TableReader reader(root, name_);
  rows_ = reader.rows();
  for (const h5::Column& column : reader.columns()) names_.push_back(column.name);
  const h5::Object object = root.open_object(name_);
  parameters_ = object.has_attribute(parameters_attribute) ? object.read_attribute<std::vector<std::string>>(parameters_attribute)
                                                           : parameters_by_place(names_);
}

Table::Table(h5::Table table) : rows_(table.rows()) {
  for (h5::Column& column : table.columns) {
    names_.push_back(column.name);
    h5::Table& one = kept_[column.name];
    one.columns.push_back(std::move(column));
  }
  parameters_ = parameters_by_place(names_);
}

bool Table::has(const std::string& column) const { return std::find(names_.begin(), names_.end(), column) != names_.end(); }

void Table::for_each_block(const std::vector<std::string>& columns, const std::function<void(const h5::Table&)>& visit) const {
  if (columns.empty()) return;
  if (root_) {
    constexpr std::uint64_t block = 1 << 14;
    const h5::TableReader reader(*root_, name_, columns);
    for (std::uint64_t first = 0; first < rows_; first += block) visit(reader.read(first, std::min<std::uint64_t>(block, rows_ - first)));
    return;
  }
  h5::Table all;
  for (const std::string& column : columns) all.columns.push_back(kept(column).columns.front());
  visit(all);
}

void Table::read(const std::vector<Binding>& columns, const std::vector<Binding>& or_empty) const {
  std::vector<Binding> bindings = columns;
  std::copy_if(or_empty.begin(), or_empty.end(), std::back_inserter(bindings), [this](const Binding& b) { return has(b.column); });
  std::vector<std::string> names;
  for (const Binding& binding : bindings) {
    names.push_back(binding.column);
    std::visit([&](auto* values) { values->reserve(rows_); }, binding.values);
  }
  for_each_block(names, [&](const h5::Table& rows) {
    for (const Binding& binding : bindings) {
      if (auto* const* booleans = std::get_if<std::vector<bool>*>(&binding.values)) append(rows.booleans(binding.column), **booleans);
      if (auto* const* integers = std::get_if<std::vector<std::int64_t>*>(&binding.values))
        append(rows.integers(binding.column), **integers);
      if (auto* const* reals = std::get_if<std::vector<double>*>(&binding.values)) append(rows.reals(binding.column), **reals);
      if (auto* const* texts = std::get_if<std::vector<std::string>*>(&binding.values)) append(rows.texts(binding.column), **texts);
    }
  });
}

const h5::Table& Table::kept(const std::string& column) const {
  const auto it = kept_.find(column);
  if (it != kept_.end()) return it->second;
  if (!root_)
    fail(ErrorKind::data, "there is no column '{}'{}; there are: {}", column, base::did_you_mean(column, names_), fmt::join(names_, ", "));
  return kept_.emplace(column, h5::Table{{h5::read_column(*root_, name_, column)}}).first->second;
}

const std::vector<bool>& Table::booleans(const std::string& column) const { return kept(column).booleans(column); }
const std::vector<std::int64_t>& Table::integers(const std::string& column) const { return kept(column).integers(column); }
const std::vector<double>& Table::reals(const std::string& column) const { return kept(column).reals(column); }
const std::vector<std::string>& Table::texts(const std::string& column) const { return kept(column).texts(column); }

RowArrays::RowArrays(const h5::Group& root, const std::string& table, const std::string& array) {
  const std::string path = array_path(table, array);
  if (!root.exists(path)) return;
  values_.emplace(root, path + "/values");
  const h5::Table index = h5::read_table(root, path + "/index");
  const auto &rows = index.integers("row"), &offsets = index.integers("offset"), &lengths = index.integers("length");
  const auto total = static_cast<std::int64_t>(values_->size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (offsets[i] < 0 || lengths[i] < 0 || lengths[i] > total || offsets[i] > total - lengths[i])
      fail(ErrorKind::data, "{}: /{}/index[{}] reaches beyond /{}/values ({} numbers)", root.file_name(), path, i, path, total);
    places_.push_back({rows[i], offsets[i], lengths[i]});
  }
  std::sort(places_.begin(), places_.end(), [](const Place& a, const Place& b) { return a.row < b.row; });
}

std::optional<std::vector<double>> RowArrays::find(std::int64_t row) const {
  const auto it = std::lower_bound(places_.begin(), places_.end(), row, [](const Place& place, std::int64_t r) { return place.row < r; });
  if (it == places_.end() || it->row != row) return std::nullopt;
  return values_->read(static_cast<std::uint64_t>(it->offset), static_cast<std::uint64_t>(it->length));
}

h5::Group Reader::part(const std::string& table, const std::string& key) const {
  const std::string path = part_path(table, key);
  if (!root().is_group(path)) fail(ErrorKind::data, "{}: expected what task {} left at /{}, found nothing", root().file_name(), key, path);
  return root().open_group(path);
}

}  // namespace espalier::results
