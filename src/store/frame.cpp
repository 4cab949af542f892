#include "store/frame.hpp"

#include <algorithm>

#include "espalier/base/descriptor.hpp"
#include "espalier/base/error.hpp"
#include "espalier/base/hash.hpp"
#include "store/bytes.hpp"

namespace espalier::store {

using base::ErrorKind;
using base::fail;

namespace {

constexpr std::size_t header_copy_size = header_size / 2;

std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

std::uint64_t frame_checksum(std::string_view bytes, std::uint64_t salt, std::uint64_t offset) {
  return base::checksum({bytes.data(), bytes.size()}) ^ mix(salt ^ offset);
}

bool header_is_whole(const char* copy) {
  return base::checksum({copy, header_copy_size - 8}) == get_at<std::uint64_t>(copy + header_copy_size - 8);
}

}  // namespace

std::string encode_header(std::uint64_t salt) {
  std::string copy(journal_magic);
  put(copy, journal_version);
  put(copy, std::uint32_t{0});
  put(copy, salt);
  put(copy, base::checksum({copy.data(), copy.size()}));
  return copy + copy;
}

std::uint64_t read_header(const base::File& file) {
  std::array<char, header_size> bytes{};
  const std::size_t got = file.read_at(0, bytes);
  const std::string path = file.path().string();
  const char* const copies[] = {bytes.data(), bytes.data() + header_copy_size};
  const auto has_magic = [](const char* copy) { return std::string_view(copy, journal_magic.size()) == journal_magic; };
  // Journals are created whole, so a short one is none.
  if (got < header_size || std::none_of(std::begin(copies), std::end(copies), has_magic))
    fail(ErrorKind::store, "'{}' is not a journal of espalier: expected its header of {} bytes", path, header_size);
  for (const char* copy : copies) {
    if (!has_magic(copy) || !header_is_whole(copy)) continue;
    const auto version = get_at<std::uint32_t>(copy + journal_magic.size());
    if (version != journal_version)
      fail(ErrorKind::store, "'{}' is a journal of format version {}; this program reads and writes version {}", path, version,
           journal_version);
    return get_at<std::uint64_t>(copy + header_copy_size - 16);
  }
  fail(ErrorKind::store, "'{}': both copies of the journal's header are damaged", path);
}

void append_frame(std::string& bytes, std::uint32_t kind, std::string_view payload, std::uint64_t salt, std::uint64_t offset) {
  if (payload.size() > largest_payload)
    fail(ErrorKind::internal, "a journal record holds at most {} bytes, found {}", largest_payload, payload.size());
  const std::size_t start = bytes.size();
  put(bytes, static_cast<std::uint32_t>(payload.size()));
  put(bytes, kind);
  bytes.append(payload);
  put(bytes, frame_checksum(std::string_view(bytes).substr(start), salt, offset));
}

FrameReader::FrameReader(const base::File& file, std::uint64_t salt, std::uint64_t offset, std::uint64_t end, std::size_t block)
    : file_(file),
      salt_(salt),
      offset_(offset),
      end_(end),
      block_(block),
      buffer_offset_(offset),
      search_budget_((std::uint64_t{1} << 28) + 4 * end) {}

const char* FrameReader::window(std::size_t size) {
  const std::uint64_t skip = offset_ - buffer_offset_;
  if (skip + size > buffer_.size()) {
    buffer_.resize(std::max<std::uint64_t>(size, std::min<std::uint64_t>(block_, end_ - offset_)));
    buffer_offset_ = offset_;
    buffer_.resize(file_.read_at(offset_, buffer_));
  }
  const std::uint64_t start = offset_ - buffer_offset_;
  return start + size <= buffer_.size() ? buffer_.data() + start : nullptr;
}

std::optional<Frame> FrameReader::next() {
  reason_.clear();
  const std::uint64_t left = end_ - std::min(offset_, end_);
  if (left == 0) return std::nullopt;
  const char* head = left < frame_overhead ? nullptr : window(8);
  const std::uint64_t length = head == nullptr ? 0 : get_at<std::uint32_t>(head);
  if (head == nullptr || length > largest_payload || length + frame_overhead > left) {
    reason_ = head == nullptr ? fmt::format("the file ends within a record, {} bytes after its start", left)
                              : fmt::format("a record claims {} bytes, the file has {} left", length, left - frame_overhead);
    return std::nullopt;
  }
  const char* frame = window(length + frame_overhead);
  if (frame == nullptr) {
    reason_ = "the file became shorter while it was read";
    return std::nullopt;
  }
  const std::string_view checked(frame, length + 8);
  if (frame_checksum(checked, salt_, offset_) != get_at<std::uint64_t>(frame + checked.size())) {
    reason_ = "a record's checksum does not match its content";
    return std::nullopt;
  }
  offset_ += length + frame_overhead;
  return Frame{get_at<std::uint32_t>(frame + 4), checked.substr(8)};
}

bool FrameReader::stands_here() {
  const std::uint64_t left = end_ - offset_;
  const char* head = window(frame_overhead);
  const std::uint64_t length = get_at<std::uint32_t>(head);
  const auto kind = get_at<std::uint32_t>(head + 4);
  if (kind == 0 || kind > largest_plausible_kind || length > largest_payload || length + frame_overhead > left) return false;
  if (length > search_budget_) return false;
  search_budget_ -= length;
  const char* frame = window(length + frame_overhead);
  if (frame == nullptr) return false;
  const std::string_view checked(frame, length + 8);
  return frame_checksum(checked, salt_, offset_) == get_at<std::uint64_t>(frame + checked.size());
}

bool FrameReader::resynchronise() {
  while (offset_ + frame_overhead < end_) {
    ++offset_;
    if (window(frame_overhead) == nullptr) break;  // the file became shorter
    if (stands_here()) return true;
  }
  offset_ = end_;
  return false;
}

}  // namespace espalier::store
