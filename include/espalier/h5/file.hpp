// RAII over the HDF5 C library: files, groups, attributes, n-dimensional arrays. The only module that includes hdf5.h.
//
// Objects are handles: copies denote the same object in the file, and writing through a const Group is possible, as through a
// const pointer. One thread at a time per process may use this module (Debian's HDF5 is not thread-safe).
//
// Every failure throws base::Error that names the file and the object and gives HDF5's own reason: kind io when the operating
// system refused (no such file, disk full), kind data when the content is not what was asked for (not HDF5, truncated, missing
// object, wrong type or rank). HDF5 itself prints nothing.
//
// Files are written in the format of HDF5 1.8 (checksummed metadata; readable by every tool since 2008), without modification times:
// equal content makes equal files. Files of every format that the library knows are read, and external links are followed. HDF5's file
// locks, which fail on NFS and Lustre, are not used: a caller writes under a temporary name that only it knows and renames with
// base::publish_file.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace espalier::h5 {

class Handle;        // owns an HDF5 identifier (src/h5/handle.hpp)
struct DriverState;  // what became of writes to the disk (src/h5/driver.hpp)

/// Extent of an array, slowest index first (row-major, as numpy): {rows, columns}. Empty: a scalar.
using Dims = std::vector<std::uint64_t>;

/// Attributes are scalars or lists. Text is stored as variable-length UTF-8, a boolean as h5py's enumeration FALSE/TRUE.
using AttributeValue =
    std::variant<std::string, double, std::int64_t, bool, std::vector<double>, std::vector<std::int64_t>, std::vector<std::string>>;

/// A group or a dataset: something that has attributes.
class Object {
 public:
  const std::string& file_name() const { return file_name_; }
  const std::string& path() const { return path_; }  ///< "/", "/solves", "/problem_1/network"

  /// Creates the attribute, or replaces one of the same name.
  void write_attribute(const std::string& name, const AttributeValue& value) const;
  bool has_attribute(const std::string& name) const;
  /// Whether it holds text, not numbers. Throws base::Error(data) if there is none.
  bool is_text_attribute(const std::string& name) const;
  std::vector<std::string> attribute_names() const;

  /// T: one of AttributeValue's types. An integer is read as a real and 1.0 as an integer where that is exact, as in arrays; a one-element
  /// list as a scalar and a scalar as a one-element list; 0 and 1 as booleans. Everything else is Error(data) "expected ..., found ...".
  template <class T>
  T read_attribute(const std::string& name) const;
  /// `fallback` if there is no such attribute.
  template <class T>
  T read_attribute(const std::string& name, const T& fallback) const {
    return has_attribute(name) ? read_attribute<T>(name) : fallback;
  }

  const Handle& handle() const { return *handle_; }  ///< for this module's own sources

 protected:
  Object(std::shared_ptr<const Handle> handle, std::string file_name, std::string path);
  friend class Group;

 private:
  std::shared_ptr<const Handle> handle_;
  std::string file_name_;
  std::string path_;
};

struct ArrayOptions {
  Dims chunk = {};          ///< empty: contiguous, or chosen (about 64 KiB) if a filter below is on
  int gzip_level = 0;       ///< 0 (off) to 9
  bool shuffle = false;     ///< byte shuffle before gzip
  bool fletcher32 = false;  ///< checksum per chunk: reading damaged data fails instead of giving other numbers
};

template <class T>
struct Array {
  Dims dims;
  std::vector<T> values;  ///< row-major
};

/// Names may be paths below the group ("network/layer_0"); missing groups on the way are created when writing.
class Group : public Object {
 public:
  Group create_group(const std::string& name) const;  ///< Error(data) if something of that name exists
  Group open_group(const std::string& name) const;
  Object open_object(const std::string& name) const;  ///< group or dataset, for its attributes

  bool exists(const std::string& name) const;
  bool is_group(const std::string& name) const;
  bool is_dataset(const std::string& name) const;
  bool is_broken_link(const std::string& name) const;  ///< a soft or external link that leads nowhere
  std::vector<std::string> children() const;           ///< names in alphabetical order
  /// Error(data) naming the first child that is not one of these, or the first of these that is there as an attribute: it would not be
  /// read.
  void expect_only(const std::vector<std::string>& known) const;
  void remove(const std::string& name) const;

  /// values.size() must be the product of dims (else Error(internal)). Error(data) if the name exists.
  void write_array(const std::string& name, std::span<const float> values, const Dims& dims, const ArrayOptions& options = {}) const;
  void write_array(const std::string& name, std::span<const double> values, const Dims& dims, const ArrayOptions& options = {}) const;
  void write_array(const std::string& name, std::span<const std::int64_t> values, const Dims& dims, const ArrayOptions& options = {}) const;
  void write_array(const std::string& name, std::span<const std::int32_t> values, const Dims& dims, const ArrayOptions& options = {}) const;
  void write_array(const std::string& name, std::span<const std::uint8_t> values, const Dims& dims, const ArrayOptions& options = {}) const;
  void write_array(const std::string& name, std::span<const bool> values, const Dims& dims, const ArrayOptions& options = {}) const;

  /// Extent of a stored array.
  Dims dims(const std::string& name) const;

  /// T: float, double, int64_t, int32_t, uint8_t or bool. Any stored number type is accepted if every value is representable in T exactly
  /// (float64 0.5 as float: yes; 0.1: no), else Error(data) names the first value that is not. NaN stays NaN.
  template <class T>
  Array<T> read_array(const std::string& name) const;
  /// The same, and Error(data) unless the array has `rank` dimensions / this extent.
  template <class T>
  Array<T> read_array_of_rank(const std::string& name, std::size_t rank) const;
  template <class T>
  std::vector<T> read_array_of_dims(const std::string& name, const Dims& dims) const;

 private:
  Group(std::shared_ptr<const Handle> handle, std::string file_name, std::string path)
      : Object(std::move(handle), std::move(file_name), std::move(path)) {}
  friend class File;
  template <class T>
  void write_typed(const std::string& name, std::span<const T> values, const Dims& dims, const ArrayOptions& options) const;
  void check_rank(const std::string& name, std::size_t found, std::size_t expected) const;
  void check_dims(const std::string& name, const Dims& found, const Dims& expected) const;
};

/// Copies a group with everything below it, or a dataset, also between files. An empty `name`: the group `from` itself.
void copy_object(const Group& from, const std::string& name, const Group& to, const std::string& new_name);

/// Outlives the objects taken from it: closing it closes them, and using them afterwards is an error.
class File {
 public:
  static File create(const std::filesystem::path& path);  ///< replaces an existing file
  static File open_read_only(const std::filesystem::path& path);
  /// The same, read as a whole before HDF5 sees any of it: nothing that is done with it can meet a disk that fails. For copy_object(),
  /// in which HDF5 crashes at a read that fails.
  static File open_loaded(const std::filesystem::path& path);
  static File open_read_write(const std::filesystem::path& path);
  ~File();  ///< closes; a failure is lost, so a writer calls close()
  File(File&&) noexcept = default;
  File& operator=(File&&) noexcept = default;

  Group root() const;
  /// Writes everything out and closes the file and all objects of it. Throws Error(io), as when the disk is full; the file is then
  /// closed, incomplete, and to be removed by the caller.
  void close();

 private:
  File(std::shared_ptr<DriverState> state, std::shared_ptr<Handle> handle, std::filesystem::path path);
  static File open(const std::filesystem::path& path, unsigned flags, bool load = false);
  std::shared_ptr<DriverState> state_;
  std::shared_ptr<Handle> handle_;
  std::filesystem::path path_;
};

template <class T>
Array<T> Group::read_array_of_rank(const std::string& name, std::size_t rank) const {
  check_rank(name, dims(name).size(), rank);
  return read_array<T>(name);
}

template <class T>
std::vector<T> Group::read_array_of_dims(const std::string& name, const Dims& expected) const {
  check_dims(name, dims(name), expected);
  return read_array<T>(name).values;
}

}  // namespace espalier::h5
