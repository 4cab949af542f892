#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <numeric>
#include <type_traits>

#include "espalier/h5/file.hpp"
#include "h5/driver.hpp"
#include "h5/handle.hpp"
#include "h5/types.hpp"

namespace espalier::h5 {

using base::ErrorKind;
using base::fail;

namespace {

std::string dims_text(const Dims& dims) { return fmt::format("({})", fmt::join(dims, ", ")); }

std::uint64_t element_count(const Dims& dims, const std::string& object, const std::string& file) {
  std::uint64_t count = 1;
  for (const std::uint64_t extent : dims)
    if (__builtin_mul_overflow(count, extent, &count))
      fail(ErrorKind::data, "'{}' in '{}': an extent of {} is more than a file can hold", object, file, dims_text(dims));
  return count;
}

/// Halves the longest edge until a chunk is at most 64 KiB.
Dims automatic_chunk(Dims chunk, std::size_t element_size) {
  constexpr std::uint64_t target = 1 << 16;
  const auto bytes = [&] { return std::accumulate(chunk.begin(), chunk.end(), std::uint64_t{element_size}, std::multiplies<>()); };
  while (bytes() > target) {
    auto longest = std::max_element(chunk.begin(), chunk.end());
    *longest = (*longest + 1) / 2;
  }
  return chunk;
}

Handle creation_properties(const Dims& dims, std::size_t element_size, const ArrayOptions& options) {
  Handle properties = without_times(H5P_DATASET_CREATE);
  const bool filtered = options.gzip_level > 0 || options.shuffle || options.fletcher32;
  const bool empty = dims.empty() || std::find(dims.begin(), dims.end(), 0U) != dims.end();
  if (empty || (!filtered && options.chunk.empty())) return properties;  // HDF5 cannot chunk what has no extent
  const Dims chosen = options.chunk.empty() ? automatic_chunk(dims, element_size) : options.chunk;
  std::vector<hsize_t> chunk(chosen.begin(), chosen.end());
  for (std::size_t i = 0; i < std::min(chunk.size(), dims.size()); ++i) chunk[i] = std::min<hsize_t>(chunk[i], dims[i]);
  H5Pset_chunk(properties.id(), static_cast<int>(chunk.size()), chunk.data());
  if (options.shuffle) H5Pset_shuffle(properties.id());
  if (options.gzip_level > 0) H5Pset_deflate(properties.id(), static_cast<unsigned>(options.gzip_level));
  if (options.fletcher32) H5Pset_fletcher32(properties.id());
  return properties;
}

void write_raw(const Group& group, const std::string& name, hid_t type, std::size_t element_size, const void* values, std::size_t count,
               const Dims& dims, const ArrayOptions& options) {
  const std::string path = join_path(group.path(), name);
  const std::string& file = group.file_name();
  if (element_count(dims, path, file) != count)
    fail(ErrorKind::internal, "'{}' in '{}': {} values do not fill an array of {}", path, file, count, dims_text(dims));
  const std::vector<hsize_t> extent(dims.begin(), dims.end());
  const hid_t space_id = dims.empty() ? H5Screate(H5S_SCALAR) : H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr);
  const Handle space = own(space_id, H5Sclose, "create", path, file);
  const Handle links = links_below(group, name);
  const Handle creation = creation_properties(dims, element_size, options);
  const Handle dataset = own(H5Dcreate2(group.handle().id(), name.c_str(), type, space.id(), links.id(), creation.id(), H5P_DEFAULT),
                             H5Dclose, "create", path, file);
  if (count > 0) check(H5Dwrite(dataset.id(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values), "write", path, file);
  require_written(dataset.id(), path, file);
}

/// Both directions: 2^63 as double is not an int64, 2^53 + 1 as int64 is not a double.
template <class To, class From>
bool exactly(From from, To& to) {
  if constexpr (std::is_same_v<To, bool>) {
    to = from != From{0};
    return from == From{0} || from == From{1};
  } else if constexpr (std::is_integral_v<To> && std::is_floating_point_v<From>) {
    if (!(from >= -0x1p63 && from < 0x1p63) || from != std::trunc(from)) return false;
    return exactly(static_cast<std::int64_t>(from), to);
  } else if constexpr (std::is_integral_v<To>) {
    to = static_cast<To>(from);
    return std::in_range<To>(from);
  } else if constexpr (std::is_floating_point_v<From>) {
    to = static_cast<To>(from);
    return std::isnan(from) || static_cast<From>(to) == from;
  } else {
    to = static_cast<To>(from);
    return to < 0x1p63 && static_cast<std::int64_t>(to) == static_cast<std::int64_t>(from) && std::in_range<std::int64_t>(from);
  }
}

template <class T>
constexpr const char* type_name() {
  if constexpr (std::is_same_v<T, bool>) return "boolean";
  if constexpr (std::is_same_v<T, float>) return "float32";
  if constexpr (std::is_same_v<T, double>) return "float64";
  if constexpr (std::is_same_v<T, std::int64_t>) return "int64";
  if constexpr (std::is_same_v<T, std::int32_t>) return "int32";
  return "uint8";
}

struct Source {
  hid_t dataset;
  std::size_t count;
  const std::string& path;
  const std::string& file;
};

template <class Memory>
std::unique_ptr<Memory[]> read_as(const Source& source, hid_t memory_type) {
  auto buffer = std::make_unique<Memory[]>(source.count);
  if (source.count > 0)
    check(H5Dread(source.dataset, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, buffer.get()), "read", source.path, source.file);
  return buffer;
}

template <class T, class Memory>
std::vector<T> convert(const Source& source, hid_t memory_type, const std::string& stored) {
  const auto buffer = read_as<Memory>(source, memory_type);
  std::vector<T> values(source.count);
  for (std::size_t i = 0; i < source.count; ++i) {
    T value{};
    if (!exactly(buffer[i], value))
      fail(ErrorKind::data, "'{}' in '{}': expected {}, found {} whose element {} is {}, which {} cannot hold exactly", source.path,
           source.file, type_name<T>(), stored, i, buffer[i], type_name<T>());
    values[i] = value;
  }
  return values;
}

template <class T>
std::vector<T> read_values(const Source& source, const StoredType& stored) {
  switch (stored.kind) {
    case StoredKind::boolean:
      return convert<T, std::uint8_t>(source, boolean_type().id(), stored.name);
    case StoredKind::integer:
      if (stored.size > 8) break;
      if (stored.is_signed) return convert<T, std::int64_t>(source, H5T_NATIVE_INT64, stored.name);
      return convert<T, std::uint64_t>(source, H5T_NATIVE_UINT64, stored.name);
    case StoredKind::real:
      if (stored.size > 8) break;
      if constexpr (std::is_same_v<T, float>)
        if (stored.size <= 4) {
          const auto buffer = read_as<float>(source, H5T_NATIVE_FLOAT);
          return {buffer.get(), buffer.get() + source.count};
        }
      return convert<T, double>(source, H5T_NATIVE_DOUBLE, stored.name);
    default:
      break;
  }
  fail(ErrorKind::data, "'{}' in '{}': expected an array of {}, found one of {}", source.path, source.file, type_name<T>(), stored.name);
}

}  // namespace

template <class T>
void Group::write_typed(const std::string& name, std::span<const T> values, const Dims& dims, const ArrayOptions& options) const {
  if constexpr (std::is_same_v<T, bool>) {
    static_assert(sizeof(bool) == 1);
    write_raw(*this, name, boolean_type().id(), 1, values.data(), values.size(), dims, options);
  } else {
    write_raw(*this, name, native_type<T>(), sizeof(T), values.data(), values.size(), dims, options);
  }
}

void Group::write_array(const std::string& name, std::span<const float> values, const Dims& dims, const ArrayOptions& options) const {
  write_typed(name, values, dims, options);
}
void Group::write_array(const std::string& name, std::span<const double> values, const Dims& dims, const ArrayOptions& options) const {
  write_typed(name, values, dims, options);
}
void Group::write_array(const std::string& name, std::span<const std::int64_t> values, const Dims& dims,
                        const ArrayOptions& options) const {
  write_typed(name, values, dims, options);
}
void Group::write_array(const std::string& name, std::span<const std::int32_t> values, const Dims& dims,
                        const ArrayOptions& options) const {
  write_typed(name, values, dims, options);
}
void Group::write_array(const std::string& name, std::span<const std::uint8_t> values, const Dims& dims,
                        const ArrayOptions& options) const {
  write_typed(name, values, dims, options);
}
void Group::write_array(const std::string& name, std::span<const bool> values, const Dims& dims, const ArrayOptions& options) const {
  write_typed(name, values, dims, options);
}

Dims Group::dims(const std::string& name) const {
  const Handle dataset = open_dataset(*this, name);
  const std::string full = join_path(path(), name);
  return extent(own(H5Dget_space(dataset.id()), H5Sclose, "read the extent of", full, file_name()).id(), full, file_name());
}

template <class T>
Array<T> Group::read_array(const std::string& name) const {
  const Handle dataset = open_dataset(*this, name);
  const std::string full = join_path(path(), name);
  const Handle type = own(H5Dget_type(dataset.id()), H5Tclose, "read the type of", full, file_name());
  const StoredType stored = classify(type.id());
  Array<T> array;
  array.dims = dims(name);
  const std::uint64_t count = element_count(array.dims, full, file_name());
  check_plausible_size(dataset.id(), count, stored.size, full, file_name());
  array.values = read_values<T>({dataset.id(), count, full, file_name()}, stored);
  return array;
}

template Array<float> Group::read_array(const std::string&) const;
template Array<double> Group::read_array(const std::string&) const;
template Array<std::int64_t> Group::read_array(const std::string&) const;
template Array<std::int32_t> Group::read_array(const std::string&) const;
template Array<std::uint8_t> Group::read_array(const std::string&) const;
template Array<bool> Group::read_array(const std::string&) const;

void Group::check_rank(const std::string& name, std::size_t found, std::size_t expected) const {
  if (found != expected)
    fail(ErrorKind::data, "'{}' in '{}': expected {} dimension{}, found {}", join_path(path(), name), file_name(), expected,
         expected == 1 ? "" : "s", found);
}

void Group::check_dims(const std::string& name, const Dims& found, const Dims& expected) const {
  if (found != expected)
    fail(ErrorKind::data, "'{}' in '{}': expected an array of {}, found one of {}", join_path(path(), name), file_name(),
         dims_text(expected), dims_text(found));
}

}  // namespace espalier::h5
