// Files that may be gzipped, read from front to back.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

namespace espalier::data {

/// Content without a gzip header is passed through unchanged. Errors name the file and the byte of its content: Error(io) if the system
/// refuses, Error(data) if a gzip stream is damaged or ends too early.
class CompressedFile {
 public:
  explicit CompressedFile(const std::filesystem::path& path);

  /// Fills `target`; bytes read, fewer only at the end of the content.
  std::size_t read(std::span<std::uint8_t> target);
  [[nodiscard]] std::uint64_t offset() const { return offset_; }  ///< of the next byte of the content
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  void refuse_truncated_gzip();
  [[noreturn]] void refuse_damage(std::uint64_t at);

  struct Close {
    void operator()(void* file) const;
  };
  std::filesystem::path path_;
  std::unique_ptr<void, Close> file_;
  std::uint64_t offset_ = 0;
};

/// The whole content; Error(data) if there is more than `most_bytes` of it, however small the file: gzip makes 1 GB of 1 MB.
[[nodiscard]] std::string read_compressed(const std::filesystem::path& path, std::size_t most_bytes);

}  // namespace espalier::data
