// File descriptors with an owner.
#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <utility>

namespace espalier::base {

/// Closes what it owns; -1: nothing.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() { reset(); }
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    reset(std::exchange(other.value_, -1));
    return *this;
  }
  [[nodiscard]] int get() const { return value_; }
  explicit operator bool() const { return value_ >= 0; }
  [[nodiscard]] int release() { return std::exchange(value_, -1); }
  void reset(int value = -1);

 private:
  int value_ = -1;
};

/// An open file. Whatever the system refuses is Error(io) "cannot <do> '<path>': <reason>".
class File {
 public:
  File() = default;
  /// `flags` as of open(2); `purpose` is what the error says could not be done.
  File(std::filesystem::path path, int flags, const char* purpose);

  [[nodiscard]] int get() const { return descriptor_.get(); }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::uint64_t size() const;
  /// The next bytes; how many, 0 at the end of the file.
  std::size_t read(std::span<char> bytes) const;
  void write(std::string_view bytes) const;
  /// Bytes read; fewer than asked for only at the end of the file.
  std::size_t read_at(std::uint64_t offset, std::span<char> bytes) const;
  void write_at(std::uint64_t offset, std::string_view bytes) const;
  void truncate(std::uint64_t size) const;
  void sync() const;                                 ///< fsync
  void sync_data() const;                            ///< fdatasync
  void close();                                      ///< what a write could not keep may be said only now; the destructor does not ask
  [[noreturn]] void refuse(const char* what) const;  ///< with errno

 private:
  std::filesystem::path path_;
  Descriptor descriptor_;
};

/// Makes creations, renames and removals in a directory durable, where the file system can.
void sync_directory(const std::filesystem::path& directory);

}  // namespace espalier::base
