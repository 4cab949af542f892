// Private: header and record frames of the journal (layout in espalier/store/journal.hpp).
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "espalier/base/descriptor.hpp"

namespace espalier::store {

inline constexpr std::string_view journal_magic{
    "\x89"
    "ESPJ\r\n\x1a",
    8};
inline constexpr std::uint32_t journal_version = 2;
inline constexpr std::size_t header_size = 64;
inline constexpr std::size_t frame_overhead = 16;
inline constexpr std::uint32_t largest_plausible_kind = 255;
inline constexpr std::size_t largest_payload = std::size_t{1} << 28;

std::string encode_header(std::uint64_t salt);
/// The salt. Throws Error(store) if the file is no journal, of another version, or both copies of its header are damaged.
std::uint64_t read_header(const base::File& file);

void append_frame(std::string& bytes, std::uint32_t kind, std::string_view payload, std::uint64_t salt, std::uint64_t offset);

struct Frame {
  std::uint32_t kind = 0;
  std::string_view payload;
};
/// Reads frames one after the other through a buffer.
class FrameReader {
 public:
  /// Reads `block` bytes at a time, more for a longer record.
  FrameReader(const base::File& file, std::uint64_t salt, std::uint64_t offset, std::uint64_t end,
              std::size_t block = std::size_t{1} << 20);

  /// The next whole frame, valid until the next call; none at the end or at a bad frame, then reason() says which.
  std::optional<Frame> next();
  /// After a bad frame: goes to the nearest whole frame behind it that is of a plausible kind. False, and at the end, if there is none.
  bool resynchronise();
  std::uint64_t offset() const { return offset_; }  ///< of the next frame
  const std::string& reason() const { return reason_; }

 private:
  /// A whole frame of a plausible kind at offset_? There are at least frame_overhead bytes.
  bool stands_here();
  /// `size` bytes from offset_ on.
  const char* window(std::size_t size);

  const base::File& file_;
  std::uint64_t salt_;
  std::uint64_t offset_;
  std::uint64_t end_;
  std::size_t block_;
  std::string buffer_;
  std::uint64_t buffer_offset_ = 0;  ///< in the file
  std::string reason_;
  std::uint64_t search_budget_;  ///< bytes that may still be hashed in search of frames: hostile lengths must not take for ever
};

}  // namespace espalier::store
