#include "espalier/h5/table.hpp"

#include <algorithm>

#include "espalier/base/text.hpp"
#include "espalier/h5/append.hpp"
#include "h5/table_layout.hpp"

namespace espalier::h5 {

using base::ErrorKind;
using base::fail;

std::size_t Column::size() const {
  return std::visit([](const auto& v) { return v.size(); }, values);
}

const Column* Table::find(const std::string& name) const {
  const auto it = std::find_if(columns.begin(), columns.end(), [&](const Column& c) { return c.name == name; });
  return it == columns.end() ? nullptr : &*it;
}

namespace {

template <class T>
const std::vector<T>& typed_column(const Table& table, const std::string& name, const char* type) {
  if (const Column* column = table.find(name)) {
    if (const auto* values = std::get_if<std::vector<T>>(&column->values)) return *values;
    constexpr const char* names[] = {"booleans", "integers", "reals", "text"};
    fail(ErrorKind::data, "column '{}': expected {}, found {}", name, type, names[column->values.index()]);
  }
  std::vector<std::string> names;
  for (const Column& column : table.columns) names.push_back(column.name);
  fail(ErrorKind::data, "there is no column '{}'{}; there are: {}", name, base::did_you_mean(name, names), fmt::join(names, ", "));
}

}  // namespace

const std::vector<bool>& Table::booleans(const std::string& name) const { return typed_column<bool>(*this, name, "booleans"); }
const std::vector<std::int64_t>& Table::integers(const std::string& name) const {
  return typed_column<std::int64_t>(*this, name, "integers");
}
const std::vector<double>& Table::reals(const std::string& name) const { return typed_column<double>(*this, name, "reals"); }
const std::vector<std::string>& Table::texts(const std::string& name) const { return typed_column<std::string>(*this, name, "text"); }

Handle RowLayout::type() const {
  Handle compound(H5Tcreate(H5T_COMPOUND, row_size), H5Tclose);
  for (const Member& member : members) {
    Handle type;
    switch (member.kind) {
      case StoredKind::boolean:
        type = boolean_type();
        break;
      case StoredKind::integer:
        type = Handle(H5Tcopy(member.is_signed ? H5T_NATIVE_INT64 : H5T_NATIVE_UINT64), H5Tclose);
        break;
      case StoredKind::real:
        type = Handle(H5Tcopy(H5T_NATIVE_DOUBLE), H5Tclose);
        break;
      default:
        type = text_type(member.variable_length ? 0 : member.size);
        break;
    }
    if (member.kind == StoredKind::text) {  // HDF5 converts neither padding nor character set
      if (!member.variable_length) H5Tset_strpad(type.id(), member.stored.padding);
      H5Tset_cset(type.id(), member.stored.character_set);
    }
    H5Tinsert(compound.id(), member.name.c_str(), member.offset, type.id());
  }
  return compound;
}

void write_table(const Group& group, const std::string& name, const Table& table, const TableOptions& options) {
  std::vector<Column> columns;
  for (const Column& column : table.columns) {
    columns.push_back({.name = column.name, .unit = column.unit, .meaning = column.meaning, .text_width = column.text_width});
    columns.back().values = std::visit([]<class T>(const std::vector<T>&) -> ColumnValues { return std::vector<T>(); }, column.values);
    const auto* texts = std::get_if<std::vector<std::string>>(&column.values);
    if (texts == nullptr || column.text_width.bytes) continue;
    std::size_t longest = 0;
    for (const std::string& text : *texts) longest = std::max(longest, text.size());
    columns.back().text_width = text_width_for(longest);
  }
  const std::string where = fmt::format("'{}' in '{}'", join_path(group.path(), name), group.file_name());
  check_rows(table, layout_of(columns, where), where);  // before there is anything of that name
  TableWriter(group, name, columns, options).append(table);
}

}  // namespace espalier::h5
