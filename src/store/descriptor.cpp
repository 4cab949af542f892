#include "store/descriptor.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "espalier/base/error.hpp"

namespace espalier::store {

Descriptor::Descriptor(std::filesystem::path path, int flags, const char* purpose) : path_(std::move(path)) {
  do {
    fd_ = ::open(path_.c_str(), flags | O_CLOEXEC, 0644);
  } while (fd_ < 0 && errno == EINTR);
  if (fd_ < 0) refuse(purpose);
}

Descriptor::Descriptor(Descriptor&& other) noexcept : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    close();
    path_ = std::move(other.path_);
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void Descriptor::close() noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void Descriptor::refuse(const char* what) const {
  base::fail(base::ErrorKind::io, "cannot {} '{}': {}", what, path_.string(), std::strerror(errno));
}

std::uint64_t Descriptor::size() const {
  struct stat status {};
  if (::fstat(fd_, &status) != 0) refuse("look at");
  return static_cast<std::uint64_t>(status.st_size);
}

std::size_t Descriptor::read_at(std::uint64_t offset, std::span<char> bytes) const {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = ::pread(fd_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) refuse("read");
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

void Descriptor::write_at(std::uint64_t offset, std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t put = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) refuse("write");
    bytes.remove_prefix(static_cast<std::size_t>(put));
    offset += static_cast<std::uint64_t>(put);
  }
}

void Descriptor::truncate(std::uint64_t size) const {
  while (::ftruncate(fd_, static_cast<off_t>(size)) != 0)
    if (errno != EINTR) refuse("truncate");
}

void Descriptor::sync() const {
  while (::fsync(fd_) != 0)
    if (errno != EINTR) refuse("fsync");
}

void Descriptor::sync_data() const {
  while (::fdatasync(fd_) != 0)
    if (errno != EINTR) refuse("fdatasync");
}

void sync_directory(const std::filesystem::path& directory) {
  const Descriptor file(directory, O_RDONLY | O_DIRECTORY, "open");
  // Some file systems refuse fsync on a directory; there is nothing better to do then.
  while (::fsync(file.get()) != 0) {
    if (errno == EINVAL) return;
    if (errno != EINTR) file.refuse("fsync");
  }
}

}  // namespace espalier::store
