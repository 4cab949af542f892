// Private: an open file whose failures are Error(io) naming it.
#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace espalier::store {

class Descriptor {
 public:
  Descriptor() = default;
  Descriptor(std::filesystem::path path, int flags, const char* purpose);
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&& other) noexcept;

  int get() const { return fd_; }
  const std::filesystem::path& path() const { return path_; }
  std::uint64_t size() const;
  /// Bytes read; fewer than asked for only at the end of the file.
  std::size_t read_at(std::uint64_t offset, std::span<char> bytes) const;
  void write_at(std::uint64_t offset, std::string_view bytes) const;
  void truncate(std::uint64_t size) const;
  void sync() const;       ///< fsync
  void sync_data() const;  ///< fdatasync
  void close() noexcept;
  [[noreturn]] void refuse(const char* what) const;  ///< with errno

 private:
  std::filesystem::path path_;
  int fd_ = -1;
};

/// Makes creations, renames and removals in a directory durable, where the file system can.
void sync_directory(const std::filesystem::path& directory);

}  // namespace espalier::store
