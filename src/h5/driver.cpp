#include "h5/driver.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <new>
#include <vector>

#if __has_include(<H5FDdevelop.h>)
#include <H5FDdevelop.h>
#endif

namespace espalier::h5 {

namespace {

/// What was to be written after the system refused a write, in blocks.
class Overlay {
 public:
  static constexpr haddr_t block_size = 1 << 16;

  bool empty() const { return blocks_.empty(); }
  std::vector<char>* find(haddr_t block) {
    const auto it = blocks_.find(block);
    return it == blocks_.end() ? nullptr : &it->second;
  }
  std::vector<char>& add(haddr_t block) { return blocks_.try_emplace(block, block_size).first->second; }

 private:
  std::map<haddr_t, std::vector<char>> blocks_;
};

struct DriverFile {
  H5FD_t common{};  // HDF5's part comes first
  int descriptor = -1;
  haddr_t end_of_addresses = 0;
  haddr_t end_of_file = 0;
  dev_t device = 0;
  ino_t inode = 0;
  std::shared_ptr<DriverState> state;
  Overlay overlay;
  std::vector<char> content;  // of a file that is loaded

  void record(const char* action) const {
    if (state->error != 0) return;
    state->error = errno;
    state->action = action;
  }
};

DriverFile& own_part(H5FD_t* file) { return *reinterpret_cast<DriverFile*>(file); }
const DriverFile& own_part(const H5FD_t* file) { return *reinterpret_cast<const DriverFile*>(file); }

constexpr haddr_t largest_address = (haddr_t{1} << (8 * sizeof(off_t) - 1)) - 1;

/// Bytes behind the end of the file are zero, as HDF5 expects.
bool read_disk(const DriverFile& file, haddr_t address, char* buffer, std::size_t size) {
  while (size > 0) {
    const ssize_t got = ::pread(file.descriptor, buffer, size, static_cast<off_t>(address));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      file.record("read");
      // In the words of HDF5's own driver, so that last_reason() finds them.
      H5Epush2(H5E_DEFAULT, __FILE__, __func__, __LINE__, H5E_ERR_CLS, H5E_IO, H5E_READERROR,
               "cannot read: errno = %d, error message = '%s'", file.state->error, std::strerror(file.state->error));
      return false;
    }
    if (got == 0) {
      std::memset(buffer, 0, size);
      return true;
    }
    address += static_cast<haddr_t>(got);
    buffer += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

bool write_disk(const DriverFile& file, haddr_t address, const char* buffer, std::size_t size) {
  while (size > 0) {
    const ssize_t put = ::pwrite(file.descriptor, buffer, size, static_cast<off_t>(address));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return false;
    address += static_cast<haddr_t>(put);
    buffer += put;
    size -= static_cast<std::size_t>(put);
  }
  return true;
}

/// Calls visit(block, offset in it, offset in the range, length) for the blocks that a range touches, while it returns true.
template <class Visit>
bool for_each_block(haddr_t address, std::size_t size, Visit&& visit) {
  for (std::size_t done = 0; done < size;) {
    const haddr_t block = (address + done) / Overlay::block_size;
    const auto offset = static_cast<std::size_t>((address + done) % Overlay::block_size);
    const std::size_t length = std::min<std::size_t>(size - done, Overlay::block_size - offset);
    if (!visit(block, offset, done, length)) return false;
    done += length;
  }
  return true;
}

bool write_overlay(DriverFile& file, haddr_t address, const char* buffer, std::size_t size) {
  return for_each_block(address, size, [&](haddr_t block, std::size_t offset, std::size_t done, std::size_t length) {
    std::vector<char>* bytes = file.overlay.find(block);
    if (bytes == nullptr) {
      bytes = &file.overlay.add(block);
      if (!read_disk(file, block * Overlay::block_size, bytes->data(), bytes->size())) return false;
    }
    std::memcpy(bytes->data() + offset, buffer + done, length);
    return true;
  });
}

bool load(DriverFile& file, std::size_t size) {
  try {
    file.content.resize(size);
  } catch (const std::bad_alloc&) {
    errno = ENOMEM;
    file.record("read");
    return false;
  }
  return read_disk(file, 0, file.content.data(), size);
}

// HDF5's view of the driver. These functions are called from C: nothing may be thrown through it.

H5FD_t* driver_open(const char* name, unsigned flags, hid_t access, haddr_t) {
  auto* const* info = static_cast<DriverState* const*>(H5Pget_driver_info(access));
  if (info == nullptr) return nullptr;
  auto file = std::make_unique<DriverFile>();
  file->state = (*info)->shared_from_this();
  if (!file->state->write_failed) file->state->error = 0;  // HDF5 tries several ways to open: the last one's reason counts
  int mode = (flags & H5F_ACC_RDWR) != 0 ? O_RDWR : O_RDONLY;
  if ((flags & H5F_ACC_TRUNC) != 0) mode |= O_TRUNC;
  if ((flags & H5F_ACC_CREAT) != 0) mode |= O_CREAT;
  if ((flags & H5F_ACC_EXCL) != 0) mode |= O_EXCL;
  do {
    file->descriptor = ::open(name, mode | O_CLOEXEC, 0644);
  } while (file->descriptor < 0 && errno == EINTR);
  struct stat status {};
  if (file->descriptor < 0 || ::fstat(file->descriptor, &status) != 0) {
    file->record("open");
    if (file->descriptor >= 0) ::close(file->descriptor);
    return nullptr;
  }
  if (file->state->load && !load(*file, static_cast<std::size_t>(status.st_size))) {
    ::close(file->descriptor);
    return nullptr;
  }
  file->end_of_file = static_cast<haddr_t>(status.st_size);
  file->device = status.st_dev;
  file->inode = status.st_ino;
  return &file.release()->common;
}

herr_t driver_close(H5FD_t* file) {
  DriverFile* const mine = &own_part(file);
  if (::close(mine->descriptor) != 0 && errno != EINTR) {  // interrupted, Linux has closed it; NFS may report a full disk only now
    mine->record("write");
    mine->state->write_failed = true;
  }
  delete mine;
  return 0;
}

int driver_compare(const H5FD_t* one, const H5FD_t* other) {
  const DriverFile &a = own_part(one), &b = own_part(other);
  if (a.device != b.device) return a.device < b.device ? -1 : 1;
  if (a.inode != b.inode) return a.inode < b.inode ? -1 : 1;
  return 0;
}

herr_t driver_query(const H5FD_t*, unsigned long* flags) {
  *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE | H5FD_FEAT_AGGREGATE_SMALLDATA |
           H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
  return 0;
}

/// The properties with which HDF5 opens a file that an external link names.
void* driver_fapl_get(H5FD_t* file) {
  auto* const info = static_cast<DriverState**>(H5allocate_memory(sizeof(void*), false));
  if (info != nullptr) *info = own_part(file).state.get();
  return info;
}

haddr_t driver_get_eoa(const H5FD_t* file, H5FD_mem_t) { return own_part(file).end_of_addresses; }

herr_t driver_set_eoa(H5FD_t* file, H5FD_mem_t, haddr_t address) {
  own_part(file).end_of_addresses = address;
  return 0;
}

haddr_t driver_get_eof(const H5FD_t* file, H5FD_mem_t) { return own_part(file).end_of_file; }

herr_t driver_get_handle(H5FD_t* file, hid_t, void** handle) {
  *handle = own_part(file).state.get();
  return 0;
}

herr_t driver_read(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t address, size_t size, void* buffer) {
  DriverFile& mine = own_part(file);
  auto* const bytes = static_cast<char*>(buffer);
  if (mine.state->load) {
    const std::size_t there = address < mine.content.size() ? std::min<std::size_t>(size, mine.content.size() - address) : 0;
    std::copy_n(mine.content.data() + (there > 0 ? address : 0), there, bytes);
    std::memset(bytes + there, 0, size - there);
    return 0;
  }
  if (mine.overlay.empty()) return read_disk(mine, address, bytes, size) ? 0 : -1;
  const bool whole = for_each_block(address, size, [&](haddr_t block, std::size_t offset, std::size_t done, std::size_t length) {
    const std::vector<char>* kept = mine.overlay.find(block);
    if (kept == nullptr) return read_disk(mine, address + done, bytes + done, length);
    std::memcpy(bytes + done, kept->data() + offset, length);
    return true;
  });
  return whole ? 0 : -1;
}

herr_t driver_write(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t address, size_t size, const void* buffer) {
  DriverFile& mine = own_part(file);
  const auto* const bytes = static_cast<const char*>(buffer);
  mine.end_of_file = std::max(mine.end_of_file, address + size);
  if (!mine.state->write_failed) {
    if (write_disk(mine, address, bytes, size)) return 0;
    mine.record("write");
    mine.state->write_failed = true;
  }
  try {
    return write_overlay(mine, address, bytes, size) ? 0 : -1;
  } catch (const std::bad_alloc&) {
    return -1;
  }
}

herr_t driver_truncate(H5FD_t* file, hid_t, hbool_t) {
  DriverFile& mine = own_part(file);
  if (mine.end_of_addresses == mine.end_of_file) return 0;
  if (!mine.state->write_failed && ::ftruncate(mine.descriptor, static_cast<off_t>(mine.end_of_addresses)) != 0) {
    mine.record("write");
    mine.state->write_failed = true;
  }
  mine.end_of_file = mine.end_of_addresses;
  return 0;
}

hid_t register_driver() {
  static H5FD_class_t driver{};
#ifdef H5FD_CLASS_VERSION
  driver.version = H5FD_CLASS_VERSION;
  driver.value = static_cast<H5FD_class_value_t>(512);  // the first number for drivers that are not HDF5's own
#endif
  driver.name = "espalier";
  driver.maxaddr = largest_address;
  driver.fc_degree = H5F_CLOSE_STRONG;
  driver.fapl_size = sizeof(void*);
  driver.fapl_get = driver_fapl_get;
  driver.open = driver_open;
  driver.close = driver_close;
  driver.cmp = driver_compare;
  driver.query = driver_query;
  driver.get_eoa = driver_get_eoa;
  driver.set_eoa = driver_set_eoa;
  driver.get_eof = driver_get_eof;
  driver.get_handle = driver_get_handle;
  driver.read = driver_read;
  driver.write = driver_write;
  driver.truncate = driver_truncate;
  constexpr H5FD_mem_t memory_types[H5FD_MEM_NTYPES] = H5FD_FLMAP_DICHOTOMY;
  std::copy(std::begin(memory_types), std::end(memory_types), std::begin(driver.fl_map));
  return H5FDregister(&driver);
}

}  // namespace

void use_driver(hid_t access_properties, DriverState* state) {
  static const hid_t driver = register_driver();
  if (driver < 0 || H5Pset_driver(access_properties, driver, &state) < 0)
    base::fail(base::ErrorKind::internal, "cannot register a file driver with HDF5");
}

const DriverState* driver_state(hid_t object) {
  const Handle owner(H5Iget_file_id(object), H5Fclose);
  void* handle = nullptr;
  if (owner.id() < 0 || H5Fget_vfd_handle(owner.id(), H5P_DEFAULT, &handle) < 0) return nullptr;
  return static_cast<const DriverState*>(handle);
}

void require_written(hid_t object, const std::string& path, const std::string& file) {
  const DriverState* const state = driver_state(object);
  if (state == nullptr) refuse("write", path, file);
  if (state->write_failed) base::fail(base::ErrorKind::io, "cannot write '{}' in '{}': {}", path, file, std::strerror(state->error));
}

}  // namespace espalier::h5
