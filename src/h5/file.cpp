#include "espalier/h5/file.hpp"

#include "h5/handle.hpp"

namespace espalier::h5 {

namespace {

Handle access_properties() {
  initialize();
  Handle properties(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  H5Pset_fclose_degree(properties.id(), H5F_CLOSE_STRONG);
  H5Pset_libver_bounds(properties.id(), H5F_LIBVER_V18, H5F_LIBVER_V18);
  H5Pset_file_locking(properties.id(), false, true);
  return properties;
}

}  // namespace

File::File(std::shared_ptr<Handle> handle, std::filesystem::path path) : handle_(std::move(handle)), path_(std::move(path)) {}

File::~File() = default;

File File::create(const std::filesystem::path& path) {
  const Handle access = access_properties();
  const hid_t id = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.id());
  return {std::make_shared<Handle>(own(id, H5Fclose, "create HDF5 file", "", path.string())), path};
}

File File::open(const std::filesystem::path& path, unsigned flags) {
  const Handle access = access_properties();
  const hid_t id = H5Fopen(path.c_str(), flags, access.id());
  return {std::make_shared<Handle>(own(id, H5Fclose, "open as HDF5 file", "", path.string())), path};
}

File File::open_read_only(const std::filesystem::path& path) { return open(path, H5F_ACC_RDONLY); }
File File::open_read_write(const std::filesystem::path& path) { return open(path, H5F_ACC_RDWR); }

Group File::root() const {
  const hid_t id = handle_ ? H5Gopen2(handle_->id(), "/", H5P_DEFAULT) : H5I_INVALID_HID;
  auto handle = std::make_shared<Handle>(own(id, H5Gclose, "open", "/", path_.string()));
  return {std::move(handle), path_.string(), "/"};
}

void File::close() {
  if (!handle_) return;
  const hid_t id = handle_->release();
  handle_.reset();
  check(H5Fclose(id), "write and close", "", path_.string());
}

}  // namespace espalier::h5
