#include <algorithm>
#include <cstring>

#include "espalier/base/text.hpp"
#include "espalier/h5/range.hpp"
#include "espalier/h5/table.hpp"
#include "h5/table_layout.hpp"

namespace espalier::h5 {

using base::ErrorKind;
using base::fail;

namespace {

struct OpenTable {
  Handle dataset;
  Handle space;
  std::string path;
  std::string file;
  std::size_t rows = 0;
  std::vector<Member> members;  // offsets not yet set
};

Member member_of(hid_t compound, unsigned index, const OpenTable& table) {
  char* const name = H5Tget_member_name(compound, index);
  Member member{.name = name == nullptr ? "" : name};
  H5free_memory(name);
  const Handle type = own(H5Tget_member_type(compound, index), H5Tclose, "read the columns of", table.path, table.file);
  member.stored = classify(type.id());
  member.kind = member.stored.kind;
  member.is_signed = member.stored.is_signed;
  member.variable_length = member.stored.variable_length;
  switch (member.kind) {
    case StoredKind::boolean:
      member.size = 1;
      break;
    case StoredKind::integer:
    case StoredKind::real:
      member.size = 8;
      break;
    case StoredKind::text:
      member.size = member.variable_length ? sizeof(char*) : member.stored.size;
      break;
    case StoredKind::other:
      break;
  }
  if (member.kind == StoredKind::other || (member.kind != StoredKind::text && member.stored.size > 8))
    fail(ErrorKind::data, "'{}' in '{}': column '{}': expected booleans, integers, reals or text, found {}", table.path, table.file,
         member.name, member.stored.name);
  return member;
}

OpenTable open_table(const Group& group, const std::string& name) {
  OpenTable table{
      .dataset = open_dataset(group, name), .space = {}, .path = join_path(group.path(), name), .file = group.file_name(), .members = {}};
  const Handle type = own(H5Dget_type(table.dataset.id()), H5Tclose, "read the type of", table.path, table.file);
  if (H5Tget_class(type.id()) != H5T_COMPOUND)
    fail(ErrorKind::data, "'{}' in '{}': expected a table (compound rows), found an array of {}", table.path, table.file,
         classify(type.id()).name);
  table.space = own(H5Dget_space(table.dataset.id()), H5Sclose, "read the extent of", table.path, table.file);
  const Dims dims = extent(table.space.id(), table.path, table.file);
  if (dims.size() != 1)
    fail(ErrorKind::data, "'{}' in '{}': expected a table of one dimension, found {}", table.path, table.file, dims.size());
  table.rows = dims.front();
  check_plausible_size(table.dataset.id(), table.rows, H5Tget_size(type.id()), table.path, table.file);
  const int columns = H5Tget_nmembers(type.id());
  for (int i = 0; i < columns; ++i) table.members.push_back(member_of(type.id(), static_cast<unsigned>(i), table));
  return table;
}

ColumnValues empty_values(StoredKind kind, std::size_t rows) {
  switch (kind) {
    case StoredKind::boolean:
      return std::vector<bool>(rows);
    case StoredKind::integer:
      return std::vector<std::int64_t>(rows);
    case StoredKind::real:
      return std::vector<double>(rows);
    default:
      return std::vector<std::string>(rows);
  }
}

template <class T>
T load(const char* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

void scatter(const OpenTable& table, const Member& member, const char* bytes, std::size_t row, ColumnValues& values) {
  switch (member.kind) {
    case StoredKind::boolean:
      std::get<std::vector<bool>>(values)[row] = *bytes != 0;
      break;
    case StoredKind::integer:
      if (!member.is_signed && !std::in_range<std::int64_t>(load<std::uint64_t>(bytes)))
        fail(ErrorKind::data, "'{}' in '{}': column '{}', row {}: expected int64, found {}", table.path, table.file, member.name, row,
             load<std::uint64_t>(bytes));
      std::get<std::vector<std::int64_t>>(values)[row] = load<std::int64_t>(bytes);
      break;
    case StoredKind::real:
      std::get<std::vector<double>>(values)[row] = load<double>(bytes);
      break;
    default: {
      std::string& text = std::get<std::vector<std::string>>(values)[row];
      if (!member.variable_length) {
        text = unpad(bytes, member.stored);
      } else if (const char* pointer = load<const char*>(bytes)) {
        text = pointer;
      }
    }
  }
}

RowLayout layout_of(const std::vector<Member>& members) {
  RowLayout layout;
  for (const Member& member : members) layout.add(member);
  return layout;
}

std::vector<ColumnValues> empty_columns(const RowLayout& layout, std::size_t rows) {
  std::vector<ColumnValues> columns;
  for (const Member& member : layout.members) columns.push_back(empty_values(member.kind, rows));
  return columns;
}

/// Rows first, ..., first + count - 1 of the table become rows from `to` on of `columns`; block by block, so that every chunk is unpacked
/// once.
void read_rows(const OpenTable& table, const RowLayout& layout, std::size_t first, std::size_t count, std::size_t to,
               std::vector<ColumnValues>& columns) {
  const Handle type = layout.type();
  constexpr std::size_t block = 1 << 12;
  std::vector<char> buffer(std::min(block, count) * layout.row_size);
  for (std::size_t done = 0; done < count; done += block) {
    const hsize_t start = first + done, rows = std::min(block, count - done);
    const Handle memory(H5Screate_simple(1, &rows, nullptr), H5Sclose);
    H5Sselect_hyperslab(table.space.id(), H5S_SELECT_SET, &start, nullptr, &rows, nullptr);
    check(H5Dread(table.dataset.id(), type.id(), memory.id(), table.space.id(), H5P_DEFAULT, buffer.data()), "read table", table.path,
          table.file);
    for (hsize_t i = 0; i < rows; ++i)
      for (std::size_t c = 0; c < columns.size(); ++c)
        scatter(table, layout.members[c], buffer.data() + i * layout.row_size + layout.members[c].offset, to + done + i, columns[c]);
    H5Dvlen_reclaim(type.id(), memory.id(), H5P_DEFAULT, buffer.data());
  }
}

std::vector<ColumnValues> read_members(const OpenTable& table, const std::vector<Member>& chosen) {
  const RowLayout layout = layout_of(chosen);
  std::vector<ColumnValues> columns = empty_columns(layout, table.rows);
  read_rows(table, layout, 0, table.rows, 0, columns);
  return columns;
}

const Member& find_member(const OpenTable& table, const std::string& column) {
  const auto it = std::find_if(table.members.begin(), table.members.end(), [&](const Member& m) { return m.name == column; });
  if (it != table.members.end()) return *it;
  std::vector<std::string> names;
  for (const Member& member : table.members) names.push_back(member.name);
  fail(ErrorKind::data, "'{}' in '{}': there is no column '{}'{}; there are: {}", table.path, table.file, column,
       base::did_you_mean(column, names), fmt::join(names, ", "));
}

Column described(const Object& object, const std::string& name, ColumnValues values) {
  return {.name = name,
          .values = std::move(values),
          .unit = object.read_attribute<std::string>("unit." + name, ""),
          .meaning = object.read_attribute<std::string>("meaning." + name, "")};
}

}  // namespace

Table read_table(const Group& group, const std::string& name) {
  const OpenTable open = open_table(group, name);
  std::vector<ColumnValues> values = read_members(open, open.members);
  const Object object = group.open_object(name);
  Table table;
  for (std::size_t c = 0; c < values.size(); ++c) table.columns.push_back(described(object, open.members[c].name, std::move(values[c])));
  return table;
}

Column read_column(const Group& group, const std::string& name, const std::string& column) {
  const OpenTable open = open_table(group, name);
  return described(group.open_object(name), column, std::move(read_members(open, {find_member(open, column)}).front()));
}

struct TableReader::State {
  OpenTable open;
  RowLayout layout;
  std::vector<Column> columns;  ///< without values
};

TableReader::TableReader(const Group& group, const std::string& name, const std::vector<std::string>& columns)
    : state_(std::make_unique<State>()) {
  state_->open = open_table(group, name);
  std::vector<Member> chosen;
  for (const std::string& column : columns) chosen.push_back(find_member(state_->open, column));
  state_->layout = layout_of(columns.empty() ? state_->open.members : chosen);
  const Object object = group.open_object(name);
  for (const Member& member : state_->layout.members)
    state_->columns.push_back(described(object, member.name, empty_values(member.kind, 0)));
}

TableReader::~TableReader() = default;
TableReader::TableReader(TableReader&&) noexcept = default;
TableReader& TableReader::operator=(TableReader&&) noexcept = default;

std::uint64_t TableReader::rows() const { return state_->open.rows; }
const std::vector<Column>& TableReader::columns() const { return state_->columns; }

Table TableReader::read(std::uint64_t offset, std::uint64_t count) const {
  const OpenTable& open = state_->open;
  if (count > open.rows || offset > open.rows - count)
    fail(ErrorKind::data, "'{}' in '{}': rows {} to {} lie beyond its {}", open.path, open.file, offset, offset + count, open.rows);
  std::vector<ColumnValues> values = empty_columns(state_->layout, count);
  read_rows(open, state_->layout, offset, count, 0, values);
  Table table{state_->columns};
  for (std::size_t c = 0; c < values.size(); ++c) table.columns[c].values = std::move(values[c]);
  return table;
}

}  // namespace espalier::h5
