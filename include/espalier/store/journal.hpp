// The append-only journal: the commit point of a run.
//
// Byte layout (all numbers little-endian):
//
//   header, 64 bytes: two equal copies of
//      0   8  magic        89 'E' 'S' 'P' 'J' 0D 0A 1A
//      8   4  version      format version, 1
//     12   4  zero
//     16   8  salt         random, one per journal
//     24   8  checksum     XXH3-64 of the 24 bytes before it
//   record, 16 + n bytes, one after the other without padding:
//      0   4  length       n, at most 256 MiB
//      4   4  kind         see RecordKind
//      8   n  payload
//    8+n   8  checksum     XXH3-64 of the 8 + n bytes before it, xor mix(salt xor offset of the record)
//
// mix is the finaliser of SplitMix64. Salt and offset make sure that neither a zero block nor an old record of another journal, nor a
// record at another place, is taken for a record of this one. Reading stops at the first record that is not whole: what stands
// behind it is not trusted.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "espalier/base/clock.hpp"

namespace espalier::store {

class Descriptor;  // src/store/descriptor.hpp

/// What a payload is. Readers pass over kinds that they do not know.
enum class RecordKind : std::uint32_t {
  identity = 1,  ///< configuration of the run (output_directory.hpp)
  outcome = 2,   ///< of a task
  event = 3,     ///< a run started, results were written, ...
  retry = 4,     ///< failed tasks that run again: their earlier outcomes count no longer
};

struct Record {
  RecordKind kind;
  std::string_view payload;  ///< valid during the callback
  std::uint64_t offset;      ///< of the record in the file
};

struct ReplayResult {
  std::uint64_t records = 0;
  std::uint64_t valid_bytes = 0;    ///< header and whole records; appending goes on here
  std::uint64_t dropped_bytes = 0;  ///< behind them
  std::string reason;               ///< why reading stopped there; empty if at the end of the file
};

/// Creates an empty journal, complete under its name or absent.
void create_journal(const std::filesystem::path& path);

/// Calls `visit` for every whole record in order. Never throws for damaged records; throws Error(store) if the file is no journal or of
/// another format version, and Error(io) if it cannot be read. Works while another process appends.
ReplayResult replay_journal(const std::filesystem::path& path, const std::function<void(const Record&)>& visit);

/// The payload of the whole record at `offset` (from a Record); Error(store) if there is none.
std::string read_record(const std::filesystem::path& path, std::uint64_t offset);

/// If the replay dropped bytes: copies them to <path>.corrupt-<n> (n = 1, 2, ...; durable), and only then cuts them off.
/// Returns the side file's path, empty if there was nothing to do.
std::filesystem::path repair_journal(const std::filesystem::path& path, const ReplayResult& replay);

/// Appends to a repaired journal. One writer at a time (see the lock of OutputDirectory).
class JournalWriter {
 public:
  /// `end`: ReplayResult::valid_bytes.
  JournalWriter(const std::filesystem::path& path, std::uint64_t end);
  ~JournalWriter();  ///< drops what is not synced
  JournalWriter(JournalWriter&&) noexcept;
  JournalWriter& operator=(JournalWriter&&) noexcept;

  /// Buffers a record and returns its future offset.
  std::uint64_t append(RecordKind kind, std::string_view payload);
  /// Writes what is buffered and waits until it is durable (fdatasync). On failure throws Error(io): nothing of the batch counts as
  /// written, earlier records stay whole, the batch stays buffered, and sync() may be tried again once there is room on the disk.
  void sync();
  std::size_t unsynced() const { return unsynced_; }  ///< records

 private:
  std::filesystem::path path_;
  std::unique_ptr<Descriptor> file_;
  std::uint64_t salt_ = 0;
  std::uint64_t synced_end_ = 0;
  std::string buffer_;
  std::size_t unsynced_ = 0;
};

/// When a batch is to be synced: after 64 records, or 100 ms after its first one.
class GroupCommit {
 public:
  static constexpr std::size_t most_records = 64;
  static constexpr base::Seconds longest_wait{0.1};

  /// `now`: seconds on any steady clock.
  void appended(double now) {
    if (records_++ == 0) first_ = now;
  }
  void synced() { records_ = 0; }
  bool due(double now) const { return records_ >= most_records || (records_ > 0 && now - first_ >= longest_wait.count()); }
  /// Seconds until due() without further records; negative if there is nothing to sync.
  double remaining(double now) const;

 private:
  std::size_t records_ = 0;
  double first_ = 0;
};

}  // namespace espalier::store
