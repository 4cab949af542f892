#include "espalier/h5/file.hpp"

#include <cstring>

#include "h5/driver.hpp"
#include "h5/handle.hpp"

namespace espalier::h5 {

namespace {

/// What is written has the format of HDF5 1.8; what is read may have any up to `newest`.
Handle access_properties(DriverState* state, H5F_libver_t newest) {
  initialize();
  Handle properties(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  H5Pset_fclose_degree(properties.id(), H5F_CLOSE_STRONG);
  H5Pset_libver_bounds(properties.id(), H5F_LIBVER_V18, newest);
  use_driver(properties.id(), state);
  return properties;
}

[[noreturn]] void refuse_file(std::string_view action, const DriverState& state, const std::filesystem::path& path) {
  const Reason reason = last_reason();
  if (state.error != 0) base::fail(base::ErrorKind::io, "cannot {} '{}': {}", action, path.string(), std::strerror(state.error));
  base::fail(base::ErrorKind::data, "cannot {} '{}': {}", action, path.string(), reason.text);
}

}  // namespace

File::File(std::shared_ptr<DriverState> state, std::shared_ptr<Handle> handle, std::filesystem::path path)
    : state_(std::move(state)), handle_(std::move(handle)), path_(std::move(path)) {}

File::~File() = default;

File File::create(const std::filesystem::path& path) {
  auto state = std::make_shared<DriverState>();
  const Handle access = access_properties(state.get(), H5F_LIBVER_V18);
  const Handle creation = without_times(H5P_FILE_CREATE);
  const hid_t id = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.id(), access.id());
  if (id < 0) refuse_file("create HDF5 file", *state, path);
  return {std::move(state), std::make_shared<Handle>(id, H5Fclose), path};
}

File File::open(const std::filesystem::path& path, unsigned flags, bool load) {
  auto state = std::make_shared<DriverState>();
  state->load = load;
  const Handle access = access_properties(state.get(), H5F_LIBVER_LATEST);
  const hid_t id = H5Fopen(path.c_str(), flags, access.id());
  if (id < 0) refuse_file("open as HDF5 file", *state, path);
  return {std::move(state), std::make_shared<Handle>(id, H5Fclose), path};
}

// The macros H5F_ACC_* start the library, after which its exit handler can no longer be switched off: initialize() comes first.
File File::open_read_only(const std::filesystem::path& path) {
  initialize();
  return open(path, H5F_ACC_RDONLY);
}

File File::open_loaded(const std::filesystem::path& path) {
  initialize();
  return open(path, H5F_ACC_RDONLY, true);
}

File File::open_read_write(const std::filesystem::path& path) {
  initialize();
  return open(path, H5F_ACC_RDWR);
}

Group File::root() const {
  const hid_t id = handle_ ? H5Gopen2(handle_->id(), "/", H5P_DEFAULT) : H5I_INVALID_HID;
  auto handle = std::make_shared<Handle>(own(id, H5Gclose, "open", "/", path_.string()));
  return {std::move(handle), path_.string(), "/"};
}

void File::close() {
  if (!handle_) return;
  const hid_t id = handle_->release();
  handle_.reset();
  const herr_t closed = H5Fclose(id);
  if (state_->write_failed)
    base::fail(base::ErrorKind::io, "cannot write and close '{}': {}", path_.string(), std::strerror(state_->error));
  check(closed, "write and close", "", path_.string());
}

}  // namespace espalier::h5
