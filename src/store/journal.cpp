#include "espalier/store/journal.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <random>
#include <utility>

#include "espalier/base/descriptor.hpp"
#include "espalier/base/error.hpp"
#include "espalier/base/file.hpp"
#include "store/frame.hpp"

namespace espalier::store {

namespace fs = std::filesystem;
using base::ErrorKind;
using base::fail;

namespace {
std::uint64_t random_salt() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}
}  // namespace

void create_journal(const fs::path& path) { base::write_file_atomically(path, encode_header(random_salt())); }

ReplayResult replay_journal(const fs::path& path, const std::function<void(const Record&)>& visit) {
  const base::File file(path, O_RDONLY, "open");
  const std::uint64_t salt = read_header(file);
  const std::uint64_t end = file.size();  // what is appended later is for the next reader
  FrameReader reader(file, salt, header_size, end);
  ReplayResult result;
  result.valid_bytes = header_size;
  for (;;) {
    const std::uint64_t offset = reader.offset();
    if (const auto frame = reader.next()) {
      ++result.records;
      result.salvaged += result.damaged.empty() ? 0 : 1;
      result.valid_bytes = reader.offset();
      visit({static_cast<RecordKind>(frame->kind), frame->payload, offset});
      continue;
    }
    if (offset >= end) return result;
    if (result.reason.empty()) result.reason = reader.reason();
    reader.resynchronise();
    result.damaged.push_back({offset, reader.offset() - offset});
    result.dropped_bytes += result.damaged.back().size;
  }
}

std::string describe_damage(const ReplayResult& replay) {
  if (replay.damaged.empty()) return "";
  std::string text = fmt::format("{} bytes cannot be read ({}at byte {}: {})", replay.dropped_bytes,
                                 replay.damaged.size() > 1 ? "the first " : "", replay.damaged.front().offset, replay.reason);
  if (replay.salvaged > 0) text += fmt::format("; {} records behind them are whole", replay.salvaged);
  return text;
}

std::string read_record(const fs::path& path, std::uint64_t offset) {
  const base::File file(path, O_RDONLY, "open");
  constexpr std::size_t block = 4096;
  FrameReader reader(file, read_header(file), offset, file.size(), block);
  const auto frame = reader.next();
  if (!frame) fail(ErrorKind::store, "'{}': expected a record at byte {}, found none: {}", path.string(), offset, reader.reason());
  return std::string(frame->payload);
}

namespace {

fs::path next_side_file(const fs::path& path) {
  for (int n = 1;; ++n) {
    fs::path side = path.string() + ".corrupt-" + std::to_string(n);
    if (!fs::exists(fs::symlink_status(side))) return side;
  }
}

/// The damaged ranges, one after the other.
void keep_aside(const base::File& journal, const ReplayResult& replay, const fs::path& side_path) {
  const base::File side(side_path, O_WRONLY | O_CREAT | O_EXCL, "create");
  std::string buffer(std::size_t{1} << 20, '\0');
  std::uint64_t written = 0;
  const auto copy = [&](std::uint64_t at, std::uint64_t end) {
    while (at < end) {
      const std::size_t got = journal.read_at(at, std::span(buffer).first(std::min<std::uint64_t>(buffer.size(), end - at)));
      if (got == 0) return;
      side.write_at(written, std::string_view(buffer).substr(0, got));
      written += got;
      at += got;
    }
  };
  for (const DamagedRange& range : replay.damaged) copy(range.offset, range.end());
  side.sync();
  base::sync_directory(side_path.parent_path().empty() ? "." : side_path.parent_path());
}

/// A new journal of the whole records in the place of the old one; returns its size.
std::uint64_t rewrite(const fs::path& path, const ReplayResult& replay) {
  constexpr std::size_t chunk = std::size_t{1} << 20;
  const fs::path temporary = path.string() + ".tmp";
  const std::uint64_t salt = random_salt();
  std::string buffer = encode_header(salt);
  std::uint64_t written = 0, records = 0;
  {
    const base::File file(temporary, O_WRONLY | O_CREAT | O_TRUNC, "create");
    const auto flush = [&] {
      file.write_at(written, buffer);
      written += buffer.size();
      buffer.clear();
    };
    replay_journal(path, [&](const Record& record) {
      append_frame(buffer, static_cast<std::uint32_t>(record.kind), record.payload, salt, written + buffer.size());
      ++records;
      if (buffer.size() >= chunk) flush();
    });
    flush();
  }
  if (records != replay.records)
    fail(ErrorKind::store, "'{}' changed while it was repaired: expected {} whole records, found {}", path.string(), replay.records,
         records);
  base::publish_file(temporary, path);
  return written;
}

}  // namespace

Repair repair_journal(const fs::path& path, const ReplayResult& replay) {
  const base::File journal(path, O_RDWR, "repair");
  if (replay.damaged.empty()) return {{}, replay.valid_bytes};
  const fs::path side = next_side_file(path);
  keep_aside(journal, replay, side);
  const bool torn_tail_only = replay.salvaged == 0;
  if (!torn_tail_only) return {side, rewrite(path, replay)};
  journal.truncate(replay.valid_bytes);
  journal.sync();
  return {side, replay.valid_bytes};
}

JournalWriter::JournalWriter(const fs::path& path, std::uint64_t end) : path_(path), synced_end_(end) {
  const base::File reading(path, O_RDONLY, "open");
  salt_ = read_header(reading);
  if (reading.size() != end)
    fail(ErrorKind::internal, "'{}': appending at byte {} of {}: repair the journal first", path.string(), end, reading.size());
  file_ = std::make_unique<base::File>(path, O_WRONLY, "open for writing");
}

JournalWriter::~JournalWriter() = default;
JournalWriter::JournalWriter(JournalWriter&&) noexcept = default;
JournalWriter& JournalWriter::operator=(JournalWriter&&) noexcept = default;

std::uint64_t JournalWriter::append(RecordKind kind, std::string_view payload) {
  const std::uint64_t offset = synced_end_ + buffer_.size();
  append_frame(buffer_, static_cast<std::uint32_t>(kind), payload, salt_, offset);
  ++unsynced_;
  return offset;
}

void JournalWriter::sync() {
  if (unsynced_ == 0) return;
  try {
    file_->write_at(synced_end_, buffer_);
    file_->sync_data();
  } catch (...) {
    // Whatever arrived of the batch is not claimed. Should cutting it off fail as well, readers find a torn tail, or whole records whose
    // tasks are indeed finished; a repeated sync() overwrites both.
    [[maybe_unused]] const int ignored = ::ftruncate(file_->get(), static_cast<off_t>(synced_end_));
    throw;
  }
  synced_end_ += buffer_.size();
  buffer_.clear();
  unsynced_ = 0;
}

}  // namespace espalier::store
