#include "espalier/base/descriptor.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "espalier/base/error.hpp"

namespace espalier::base {

void Descriptor::reset(int value) {
  if (value_ >= 0) ::close(value_);
  value_ = value;
}

File::File(std::filesystem::path path, int flags, const char* purpose) : path_(std::move(path)) {
  do {
    descriptor_.reset(::open(path_.c_str(), flags | O_CLOEXEC, 0644));
  } while (!descriptor_ && errno == EINTR);
  if (!descriptor_) refuse(purpose);
}

void File::close() {
  if (::close(descriptor_.release()) != 0 && errno != EINTR) refuse("close");  // interrupted, Linux has closed it
}

void File::refuse(const char* what) const { fail(ErrorKind::io, "cannot {} '{}': {}", what, path_.string(), std::strerror(errno)); }

std::uint64_t File::size() const {
  struct stat status {};
  if (::fstat(get(), &status) != 0) refuse("look at");
  return static_cast<std::uint64_t>(status.st_size);
}

std::size_t File::read(std::span<char> bytes) const {
  for (;;) {
    const ssize_t got = ::read(get(), bytes.data(), bytes.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) refuse("read");
    return static_cast<std::size_t>(got);
  }
}

void File::write(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t put = ::write(get(), bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) refuse("write");
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
}

std::size_t File::read_at(std::uint64_t offset, std::span<char> bytes) const {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = ::pread(get(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) refuse("read");
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

void File::write_at(std::uint64_t offset, std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t put = ::pwrite(get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) refuse("write");
    bytes.remove_prefix(static_cast<std::size_t>(put));
    offset += static_cast<std::uint64_t>(put);
  }
}

void File::truncate(std::uint64_t size) const {
  while (::ftruncate(get(), static_cast<off_t>(size)) != 0)
    if (errno != EINTR) refuse("truncate");
}

void File::sync() const {
  while (::fsync(get()) != 0)
    if (errno != EINTR) refuse("fsync");
}

void File::sync_data() const {
  while (::fdatasync(get()) != 0)
    if (errno != EINTR) refuse("fdatasync");
}

void sync_directory(const std::filesystem::path& directory) {
  const File file(directory, O_RDONLY | O_DIRECTORY, "open");
  // Some file systems refuse fsync on a directory; there is nothing better to do then.
  while (::fsync(file.get()) != 0) {
    if (errno == EINVAL) return;
    if (errno != EINTR) file.refuse("fsync");
  }
}

}  // namespace espalier::base
