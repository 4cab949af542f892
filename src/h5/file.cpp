#include "espalier/h5/file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "h5/handle.hpp"

namespace espalier::h5 {

namespace {

/// Copies what a file holds so far; false if that cannot be done.
bool copy_content(int from, int to) {
  std::vector<char> buffer(1 << 20);
  for (off_t at = 0;;) {
    const ssize_t got = ::pread(from, buffer.data(), buffer.size(), at);
    if (got == 0) return true;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 || ::pwrite(to, buffer.data(), static_cast<std::size_t>(got), at) != got) return false;
    at += got;
  }
}

/// Closes a file that cannot be written any more. HDF5 cannot: a close that fails leaves the file half closed, its descriptor (and so the
/// disk space, even once the file is removed) is never released, and HDF5 crashes when the process ends. So its descriptor is turned to
/// memory first, where the rest of the writes succeed.
void abandon(hid_t file) {
  void* driver_handle = nullptr;
  if (H5Fget_vfd_handle(file, H5P_DEFAULT, &driver_handle) >= 0 && driver_handle != nullptr) {
    const int descriptor = *static_cast<int*>(driver_handle);
    const int memory = ::memfd_create("abandoned HDF5 file", MFD_CLOEXEC);
    if (memory >= 0) {
      if (copy_content(descriptor, memory)) ::dup3(memory, descriptor, O_CLOEXEC);
      ::close(memory);
    }
  }
  H5Fclose(file);
  H5Eclear2(H5E_DEFAULT);
}

bool flush_and_close(hid_t file) { return H5Fflush(file, H5F_SCOPE_GLOBAL) >= 0 && H5Fclose(file) >= 0; }

herr_t close_quietly(hid_t file) {
  if (!flush_and_close(file)) abandon(file);
  return 0;
}

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
  return {std::make_shared<Handle>(own(id, close_quietly, "create HDF5 file", "", path.string())), path};
}

File File::open(const std::filesystem::path& path, unsigned flags) {
  const Handle access = access_properties();
  const hid_t id = H5Fopen(path.c_str(), flags, access.id());
  return {std::make_shared<Handle>(own(id, close_quietly, "open as HDF5 file", "", path.string())), path};
}

// The macros H5F_ACC_* start the library, after which its exit handler can no longer be switched off: initialize() comes first.
File File::open_read_only(const std::filesystem::path& path) {
  initialize();
  return open(path, H5F_ACC_RDONLY);
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
  if (flush_and_close(id)) return;
  const Reason reason = last_reason();
  abandon(id);
  base::fail(base::ErrorKind::io, "cannot write and close '{}': {}", path_.string(), reason.text);
}

}  // namespace espalier::h5
