#include "espalier/h5/append.hpp"

#include <algorithm>
#include <cstring>
#include <set>

#include "h5/driver.hpp"
#include "h5/table_layout.hpp"

namespace espalier::h5 {

using base::ErrorKind;
using base::fail;

TextWidth text_width_for(std::size_t longest) {
  // HDF5 has no text of zero bytes.
  return {longest <= TextWidth::longest_automatic ? std::max<std::size_t>(longest, 1) : 0};
}

namespace {

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
      if (!column.text_width.bytes) fail(ErrorKind::internal, "{}: column '{}' does not say how wide its text is", where, column.name);
      member.kind = StoredKind::text;
      member.size = *column.text_width.bytes;
      member.variable_length = member.size == 0;
      if (member.variable_length) member.size = sizeof(char*);
  }
  return member;
}

}  // namespace

RowLayout layout_of(std::span<const Column> columns, const std::string& where) {
  if (columns.empty()) fail(ErrorKind::internal, "{}: a table needs a column", where);
  std::set<std::string> names;
  RowLayout layout;
  for (const Column& column : columns) {
    if (!names.insert(column.name).second) fail(ErrorKind::internal, "{}: two columns are called '{}'", where, column.name);
    layout.add(member_for(column, where));
  }
  return layout;
}

namespace {

void check_texts(const Column& column, const Member& member, const std::string& where) {
  const auto* texts = std::get_if<std::vector<std::string>>(&column.values);
  if (texts == nullptr) return;
  for (const std::string& text : *texts) {
    if (text.find('\0') != std::string::npos) fail(ErrorKind::internal, "{}: column '{}' has a text with a zero byte", where, column.name);
    if (!member.variable_length && text.size() > member.size)
      fail(ErrorKind::internal, "{}: column '{}' is {} bytes wide, found a text of {}", where, column.name, member.size, text.size());
  }
}

}  // namespace

void check_rows(const Table& rows, const RowLayout& layout, const std::string& where) {
  if (rows.columns.size() != layout.members.size())
    fail(ErrorKind::internal, "{}: the table has {} columns, found rows of {}", where, layout.members.size(), rows.columns.size());
  for (std::size_t c = 0; c < rows.columns.size(); ++c) {
    const Column& column = rows.columns[c];
    const Member& member = layout.members[c];
    constexpr StoredKind kinds[] = {StoredKind::boolean, StoredKind::integer, StoredKind::real, StoredKind::text};
    if (column.name != member.name || kinds[column.values.index()] != member.kind)
      fail(ErrorKind::internal, "{}: column {}: expected '{}', found '{}' or another type", where, c, member.name, column.name);
    if (column.size() != rows.rows())
      fail(ErrorKind::internal, "{}: column '{}' has {} rows, column '{}' has {}", where, column.name, column.size(),
           rows.columns.front().name, rows.rows());
    check_texts(column, member, where);
  }
}

namespace {

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

struct TableWriter::State {
  std::string path, file;
  RowLayout layout;
  Handle type;
  Handle dataset;
  hsize_t chunk = 1;
  hsize_t rows = 0;
  std::string where() const { return fmt::format("'{}' in '{}'", path, file); }
};

TableWriter::TableWriter(const Group& group, const std::string& name, std::span<const Column> columns, const TableOptions& options)
    : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.path = join_path(group.path(), name);
  s.file = group.file_name();
  s.layout = layout_of(columns, s.where());
  s.type = s.layout.type();
  constexpr std::size_t largest_chunk = std::size_t{1} << 22;
  s.chunk = std::clamp<hsize_t>(largest_chunk / s.layout.row_size, 1, std::max<std::size_t>(options.rows_per_chunk, 1));
  const hsize_t unlimited = H5S_UNLIMITED;
  const Handle space(H5Screate_simple(1, &s.rows, &unlimited), H5Sclose);
  const Handle links = links_below(group, name);
  const Handle creation = table_properties(options, s.chunk);
  s.dataset = own(H5Dcreate2(group.handle().id(), name.c_str(), s.type.id(), space.id(), links.id(), creation.id(), H5P_DEFAULT), H5Dclose,
                  "create table", s.path, s.file);
  require_written(s.dataset.id(), s.path, s.file);
  const Object object = group.open_object(name);
  for (const Column& column : columns) {
    object.write_attribute("unit." + column.name, column.unit);
    object.write_attribute("meaning." + column.name, column.meaning);
  }
}

TableWriter::~TableWriter() = default;
TableWriter::TableWriter(TableWriter&&) noexcept = default;
TableWriter& TableWriter::operator=(TableWriter&&) noexcept = default;

std::size_t TableWriter::rows_per_chunk() const { return state_->chunk; }

void TableWriter::append(const Table& rows) {
  State& s = *state_;
  check_rows(rows, s.layout, s.where());
  const hsize_t added = rows.rows();
  if (added == 0) return;
  const hsize_t extent = s.rows + added;
  check(H5Dset_extent(s.dataset.id(), &extent), "write table", s.path, s.file);
  const Handle space = own(H5Dget_space(s.dataset.id()), H5Sclose, "write table", s.path, s.file);
  std::vector<char> buffer(std::min(added, s.chunk) * s.layout.row_size);
  for (hsize_t first = 0; first < added;) {
    const hsize_t at = s.rows + first;
    const hsize_t count = std::min(s.chunk - at % s.chunk, added - first);  // up to the end of a chunk
    fill(buffer, s.layout, rows, first, count);
    const Handle memory(H5Screate_simple(1, &count, nullptr), H5Sclose);
    H5Sselect_hyperslab(space.id(), H5S_SELECT_SET, &at, nullptr, &count, nullptr);
    check(H5Dwrite(s.dataset.id(), s.type.id(), memory.id(), space.id(), H5P_DEFAULT, buffer.data()), "write table", s.path, s.file);
    first += count;
  }
  s.rows = extent;
  require_written(s.dataset.id(), s.path, s.file);
}

struct ArrayWriter::State {
  std::string path, file;
  Handle dataset;
  hsize_t chunk = 1;
  hsize_t written = 0;
  std::vector<double> buffer;  ///< less than a chunk

  void write(std::span<const double> values) {
    const hsize_t count = values.size(), extent = written + count;
    check(H5Dset_extent(dataset.id(), &extent), "write", path, file);
    const Handle space = own(H5Dget_space(dataset.id()), H5Sclose, "write", path, file);
    const Handle memory(H5Screate_simple(1, &count, nullptr), H5Sclose);
    H5Sselect_hyperslab(space.id(), H5S_SELECT_SET, &written, nullptr, &count, nullptr);
    check(H5Dwrite(dataset.id(), H5T_NATIVE_DOUBLE, memory.id(), space.id(), H5P_DEFAULT, values.data()), "write", path, file);
    written = extent;
    require_written(dataset.id(), path, file);
  }
};

ArrayWriter::ArrayWriter(const Group& group, const std::string& name, const ArrayOptions& options) : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.path = join_path(group.path(), name);
  s.file = group.file_name();
  constexpr std::uint64_t usual = (std::uint64_t{1} << 16) / sizeof(double);
  s.chunk = options.chunk.empty() ? usual : options.chunk.front();
  const hsize_t none = 0, unlimited = H5S_UNLIMITED;
  const Handle space(H5Screate_simple(1, &none, &unlimited), H5Sclose);
  const Handle links = links_below(group, name);
  Handle creation = without_times(H5P_DATASET_CREATE);
  H5Pset_chunk(creation.id(), 1, &s.chunk);
  if (options.shuffle) H5Pset_shuffle(creation.id());
  if (options.gzip_level > 0) H5Pset_deflate(creation.id(), static_cast<unsigned>(options.gzip_level));
  if (options.fletcher32) H5Pset_fletcher32(creation.id());
  s.dataset = own(H5Dcreate2(group.handle().id(), name.c_str(), H5T_NATIVE_DOUBLE, space.id(), links.id(), creation.id(), H5P_DEFAULT),
                  H5Dclose, "create", s.path, s.file);
  require_written(s.dataset.id(), s.path, s.file);
}

ArrayWriter::~ArrayWriter() = default;
ArrayWriter::ArrayWriter(ArrayWriter&&) noexcept = default;
ArrayWriter& ArrayWriter::operator=(ArrayWriter&&) noexcept = default;

std::uint64_t ArrayWriter::size() const { return state_->written + state_->buffer.size(); }

void ArrayWriter::append(std::span<const double> values) {
  State& s = *state_;
  s.buffer.insert(s.buffer.end(), values.begin(), values.end());
  const std::size_t whole = s.buffer.size() / s.chunk * s.chunk;
  if (whole == 0) return;
  s.write(std::span<const double>(s.buffer).first(whole));
  s.buffer.erase(s.buffer.begin(), s.buffer.begin() + static_cast<std::ptrdiff_t>(whole));
}

void ArrayWriter::finish() {
  if (!state_->buffer.empty()) state_->write(state_->buffer);
  state_->buffer.clear();
}

}  // namespace espalier::h5
