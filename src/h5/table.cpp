#include "espalier/h5/table.hpp"

#include <algorithm>
#include <cstring>
#include <set>

#include "espalier/base/text.hpp"
#include "h5/driver.hpp"
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

namespace {

std::size_t stored_text_width(const Column& column, const std::vector<std::string>& texts, const std::string& where) {
  std::size_t longest = 1;  // HDF5 has no text of zero bytes
  for (const std::string& text : texts) {
    if (text.find('\0') != std::string::npos) fail(ErrorKind::internal, "{}: column '{}' has a text with a zero byte", where, column.name);
    longest = std::max(longest, text.size());
  }
  if (!column.text_width.bytes) return longest <= TextWidth::longest_automatic ? longest : 0;
  const std::size_t width = *column.text_width.bytes;
  if (width > 0 && longest > width)
    fail(ErrorKind::internal, "{}: column '{}' is {} bytes wide, found a text of {}", where, column.name, width, longest);
  return width;
}

Member member_for(const Column& column, const std::string& where) {
  Member member{.name = column.name};
  switch (column.values.index()) {
    case 0:
      member.kind = StoredKind::boolean, member.size = 1;
      break;
    case 1:
      member.kind = StoredKind::integer, member.size = 8;
      break;
    case 2:
      member.kind = StoredKind::real, member.size = 8;
      break;
    default:
      member.kind = StoredKind::text;
      member.size = stored_text_width(column, std::get<std::vector<std::string>>(column.values), where);
      member.variable_length = member.size == 0;
      if (member.variable_length) member.size = sizeof(char*);
  }
  return member;
}

RowLayout layout_of(const Table& table, const std::string& where) {
  if (table.columns.empty()) fail(ErrorKind::internal, "{}: a table needs a column", where);
  std::set<std::string> names;
  RowLayout layout;
  for (const Column& column : table.columns) {
    if (!names.insert(column.name).second) fail(ErrorKind::internal, "{}: two columns are called '{}'", where, column.name);
    if (column.size() != table.rows())
      fail(ErrorKind::internal, "{}: column '{}' has {} rows, column '{}' has {}", where, column.name, column.size(),
           table.columns.front().name, table.rows());
    layout.add(member_for(column, where));
  }
  return layout;
}

void fill(std::vector<char>& rows, const RowLayout& layout, const Table& table, std::size_t first, std::size_t count) {
  std::fill(rows.begin(), rows.end(), '\0');
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    const Member& member = layout.members[c];
    const auto put = [&](std::size_t row, const void* bytes, std::size_t size) {
      if (size > 0) std::memcpy(rows.data() + (row - first) * layout.row_size + member.offset, bytes, size);
    };
    const ColumnValues& values = table.columns[c].values;
    for (std::size_t row = first; row < first + count; ++row) {
      if (const auto* booleans = std::get_if<std::vector<bool>>(&values)) {
        const char byte = (*booleans)[row] ? 1 : 0;
        put(row, &byte, 1);
      } else if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&values)) {
        put(row, &(*integers)[row], 8);
      } else if (const auto* reals = std::get_if<std::vector<double>>(&values)) {
        put(row, &(*reals)[row], 8);
      } else {
        const std::string& text = std::get<std::vector<std::string>>(values)[row];
        const char* pointer = text.c_str();
        if (member.variable_length) {
          put(row, &pointer, sizeof pointer);
        } else {
          put(row, pointer, text.size());
        }
      }
    }
  }
}

Handle table_properties(const TableOptions& options, hsize_t chunk) {
  Handle properties = without_times(H5P_DATASET_CREATE);
  H5Pset_chunk(properties.id(), 1, &chunk);
  if (options.gzip_level > 0) {
    H5Pset_shuffle(properties.id());
    H5Pset_deflate(properties.id(), static_cast<unsigned>(options.gzip_level));
  }
  if (options.fletcher32) H5Pset_fletcher32(properties.id());
  return properties;
}

}  // namespace

void write_table(const Group& group, const std::string& name, const Table& table, const TableOptions& options) {
  const std::string path = join_path(group.path(), name);
  const std::string& file = group.file_name();
  const RowLayout layout = layout_of(table, fmt::format("'{}' in '{}'", path, file));
  const Handle type = layout.type();
  const hsize_t rows = table.rows(), unlimited = H5S_UNLIMITED;
  constexpr std::size_t largest_chunk = std::size_t{1} << 22;
  const hsize_t chunk = std::clamp<hsize_t>(largest_chunk / layout.row_size, 1, std::max<std::size_t>(options.rows_per_chunk, 1));

  const Handle space(H5Screate_simple(1, &rows, &unlimited), H5Sclose);
  const Handle links = links_below(group, name);
  const Handle creation = table_properties(options, chunk);
  const Handle dataset = own(H5Dcreate2(group.handle().id(), name.c_str(), type.id(), space.id(), links.id(), creation.id(), H5P_DEFAULT),
                             H5Dclose, "create table", path, file);
  std::vector<char> buffer(std::min(rows, chunk) * layout.row_size);
  for (hsize_t first = 0; first < rows; first += chunk) {
    const hsize_t count = std::min(chunk, rows - first);
    fill(buffer, layout, table, first, count);
    const Handle memory(H5Screate_simple(1, &count, nullptr), H5Sclose);
    H5Sselect_hyperslab(space.id(), H5S_SELECT_SET, &first, nullptr, &count, nullptr);
    check(H5Dwrite(dataset.id(), type.id(), memory.id(), space.id(), H5P_DEFAULT, buffer.data()), "write table", path, file);
  }
  require_written(dataset.id(), path, file);
  const Object object = group.open_object(name);
  for (const Column& column : table.columns) {
    object.write_attribute("unit." + column.name, column.unit);
    object.write_attribute("meaning." + column.name, column.meaning);
  }
}

}  // namespace espalier::h5
