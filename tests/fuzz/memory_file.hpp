// What the fuzz targets share.
#pragma once
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

namespace espalier::fuzz {

/// A file in memory that has a name as long as the object lives.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view content) : fd_(::memfd_create("fuzz", 0)) {
    if (fd_ < 0 || ::write(fd_, content.data(), content.size()) != static_cast<ssize_t>(content.size())) std::abort();
  }
  ~MemoryFile() { ::close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::filesystem::path path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

/// What may never happen: the fuzzer counts it as a crash and keeps the input.
inline void require(bool ok, const char* what) {
  if (ok) return;
  std::fprintf(stderr, "fuzz target: broken promise: %s\n", what);
  std::abort();
}

/// Makes decisions from the fuzzer's bytes, from the front; once they are used up, everything is 0.
class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}
  bool empty() const { return rest_.empty(); }
  std::uint8_t byte() { return static_cast<std::uint8_t>(take(1).empty() ? 0 : taken_[0]); }
  std::uint64_t below(std::uint64_t bound) {
    const std::uint64_t value = byte();
    return bound <= 256 ? value % bound : (value | std::uint64_t{byte()} << 8 | std::uint64_t{byte()} << 16) % bound;
  }
  std::string_view take(std::size_t size) {
    taken_ = rest_.substr(0, size);
    rest_.remove_prefix(taken_.size());
    return taken_;
  }
  std::string_view rest() { return take(rest_.size()); }

 private:
  std::string_view rest_, taken_;
};

}  // namespace espalier::fuzz
