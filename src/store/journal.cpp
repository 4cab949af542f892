#include "espalier/store/journal.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <random>
#include <utility>

#include "espalier/base/error.hpp"
#include "espalier/base/file.hpp"
#include "store/descriptor.hpp"
#include "store/frame.hpp"

namespace espalier::store {

namespace fs = std::filesystem;
using base::ErrorKind;
using base::fail;

void create_journal(const fs::path& path) {
  std::random_device device;
  const std::uint64_t salt = (std::uint64_t{device()} << 32) | device();
  base::write_file_atomically(path, encode_header(salt));
}

ReplayResult replay_journal(const fs::path& path, const std::function<void(const Record&)>& visit) {
  const Descriptor file(path, O_RDONLY, "open");
  const std::uint64_t salt = read_header(file);
  const std::uint64_t end = file.size();  // what is appended later is for the next reader
  FrameReader reader(file, salt, header_size, end);
  ReplayResult result;
  for (;;) {
    const std::uint64_t offset = reader.offset();
    const auto frame = reader.next();
    if (!frame) break;
    ++result.records;
    visit({static_cast<RecordKind>(frame->kind), frame->payload, offset});
  }
  result.valid_bytes = reader.offset();
  result.dropped_bytes = end - std::min(end, reader.offset());
  result.reason = reader.reason();
  return result;
}

std::string read_record(const fs::path& path, std::uint64_t offset) {
  const Descriptor file(path, O_RDONLY, "open");
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

}  // namespace

fs::path repair_journal(const fs::path& path, const ReplayResult& replay) {
  if (replay.dropped_bytes == 0) return {};
  const Descriptor journal(path, O_RDWR, "repair");
  fs::path side_path = next_side_file(path);
  {
    const Descriptor side(side_path, O_WRONLY | O_CREAT | O_EXCL, "create");
    std::string buffer(std::size_t{1} << 20, '\0');
    for (std::uint64_t at = replay.valid_bytes;;) {
      const std::size_t got = journal.read_at(at, buffer);
      side.write_at(at - replay.valid_bytes, std::string_view(buffer).substr(0, got));
      at += got;
      if (got < buffer.size()) break;
    }
    side.sync();
  }
  sync_directory(side_path.parent_path().empty() ? "." : side_path.parent_path());
  journal.truncate(replay.valid_bytes);
  journal.sync();
  return side_path;
}

JournalWriter::JournalWriter(const fs::path& path, std::uint64_t end) : path_(path), synced_end_(end) {
  const Descriptor reading(path, O_RDONLY, "open");
  salt_ = read_header(reading);
  if (reading.size() != end)
    fail(ErrorKind::internal, "'{}': appending at byte {} of {}: repair the journal first", path.string(), end, reading.size());
  file_ = std::make_unique<Descriptor>(path, O_WRONLY, "open for writing");
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

double GroupCommit::remaining(double now) const {
  if (records_ == 0) return -1;
  return records_ >= most_records ? 0 : std::max(0.0, first_ + longest_wait.count() - now);
}

}  // namespace espalier::store
