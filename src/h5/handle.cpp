#include "h5/handle.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace espalier::h5 {

using base::ErrorKind;
using base::fail;

Handle& Handle::operator=(Handle&& other) noexcept {
  if (this != &other) {
    reset();
    id_ = other.release();
    closer_ = other.closer_;
  }
  return *this;
}

hid_t Handle::release() { return std::exchange(id_, H5I_INVALID_HID); }

void Handle::reset() {
  if (id_ >= 0 && closer_ != nullptr && H5Iis_valid(id_) > 0) closer_(id_);
  id_ = H5I_INVALID_HID;
}

void initialize() {
  // At the end of the process HDF5 would close what is still open; ours close themselves, and before their drivers' states go.
  static const bool started = H5dont_atexit() >= 0;
  static thread_local const bool quiet = H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr) >= 0;  // where HDF5 knows threads, each has a stack
  if (!started || !quiet) fail(ErrorKind::internal, "cannot initialise the HDF5 library");
}

namespace {

/// "unable to open file: name = 'x', errno = 2, error message = 'No such file', ..." -> "unable to open file: No such file".
/// "" if the system was not the cause.
std::string system_reason(const std::string& text) {
  constexpr std::string_view mark = "error message = '";
  const std::size_t message = text.find(mark);
  if (message == std::string::npos || text.find("errno = 0,") != std::string::npos) return "";
  const std::size_t start = message + mark.size();
  return fmt::format("{}: {}", text.substr(0, text.find_first_of(":,")), text.substr(start, text.find('\'', start) - start));
}

}  // namespace

Reason last_reason() {
  Reason reason;
  // H5E_WALK_UPWARD starts at the innermost function, which knows the cause; outer ones only repeat that something failed.
  const auto visit = [](unsigned n, const H5E_error2_t* error, void* data) -> herr_t {
    auto& found = *static_cast<Reason*>(data);
    const std::string text = error->desc == nullptr ? "" : error->desc;
    if (n == 0) found.text = text;
    if (const std::string cause = system_reason(text); !cause.empty() && !found.from_system) found = {cause, true};
    return 0;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, visit, &reason);
  H5Eclear2(H5E_DEFAULT);
  if (reason.text.empty()) reason.text = "HDF5 gives no reason";
  return reason;
}

void refuse(std::string_view action, const std::string& object, const std::string& file) {
  const Reason reason = last_reason();
  const ErrorKind kind = reason.from_system ? ErrorKind::io : ErrorKind::data;
  if (object.empty()) fail(kind, "cannot {} '{}': {}", action, file, reason.text);
  fail(kind, "cannot {} '{}' in '{}': {}", action, object, file, reason.text);
}

Handle own(hid_t id, Handle::Closer closer, std::string_view action, const std::string& object, const std::string& file) {
  if (id < 0) refuse(action, object, file);
  return {id, closer};
}

void check(long long result, std::string_view action, const std::string& object, const std::string& file) {
  if (result < 0) refuse(action, object, file);
}

Handle without_times(hid_t property_class) {
  Handle properties(H5Pcreate(property_class), H5Pclose);
  H5Pset_obj_track_times(properties.id(), false);
  // Attributes that are stored densely (more than 8 by default) crash H5Ocopy(), ours and that of whoever copies a table: see
  // tests/upstream/hdf5_copy_crash.
  H5Pset_attr_phase_change(properties.id(), 65535, 0);
  return properties;
}

std::string join_path(const std::string& group, const std::string& name) { return group == "/" ? "/" + name : group + "/" + name; }

Dims extent(hid_t space, const std::string& object, const std::string& file) {
  if (H5Sget_simple_extent_type(space) == H5S_NULL)
    fail(ErrorKind::data, "'{}' in '{}': expected an array, found an empty dataspace", object, file);
  const int rank = H5Sget_simple_extent_ndims(space);
  check(rank, "read the extent of", object, file);
  std::vector<hsize_t> dims(static_cast<std::size_t>(rank));
  check(H5Sget_simple_extent_dims(space, dims.data(), nullptr), "read the extent of", object, file);
  return {dims.begin(), dims.end()};
}

void check_plausible_size(hid_t dataset, std::uint64_t elements, std::size_t element_size, const std::string& object,
                          const std::string& file) {
  constexpr std::uint64_t always_fine = std::uint64_t{1} << 26;  // 64 MiB
  constexpr std::uint64_t best_compression = 1100;               // deflate reaches 1032
  if (elements <= always_fine / element_size) return;
  const std::uint64_t stored = H5Dget_storage_size(dataset);
  if (elements / best_compression > stored / element_size)
    fail(ErrorKind::data, "'{}' in '{}': its extent claims {} elements of {} bytes, but the file stores only {} bytes of it", object, file,
         elements, element_size, stored);
}

}  // namespace espalier::h5
