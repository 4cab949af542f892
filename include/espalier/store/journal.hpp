// The append-only journal: the commit point of a run.
//
// Byte layout (all numbers little-endian):
//
//   header, 64 bytes: two equal copies of
//      0   8  magic        89 'E' 'S' 'P' 'J' 0D 0A 1A
//      8   4  version      format version, 2
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
// record at another place, is taken for a record of this one. Behind a record that is not whole, reading goes on at the next place where a
// whole one stands: its checksum holds for this journal and this place only, so it is exactly what was once written there.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "espalier/base/descriptor.hpp"

namespace espalier::store {

/// What a payload is. Readers pass over kinds that they do not know.
enum class RecordKind : std::uint32_t {
  identity = 1,   ///< configuration of the run (output_directory.hpp)
  outcome = 2,    ///< of a task
  event = 3,      ///< a run started, results were written, ...
  retry = 4,      ///< failed tasks that run again: their earlier outcomes count no longer
  extension = 5,  ///< the configuration changed: outcomes that are other tasks' as well, tasks that are no longer asked for
  array = 6,      ///< values that outcomes behind it share
};

struct Record {
  RecordKind kind;
  std::string_view payload;  ///< valid during the callback
  std::uint64_t offset;      ///< of the record in the file
};

/// Bytes of a journal that are no whole records.
struct DamagedRange {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint64_t end() const { return offset + size; }
};

struct ReplayResult {
  std::uint64_t records = 0;
  std::uint64_t salvaged = 0;         ///< of these, how many stand behind damage
  std::uint64_t valid_bytes = 0;      ///< up to the end of the last whole record; appending goes on here, after repair_journal()
  std::vector<DamagedRange> damaged;  ///< in order; the last one may reach to the end of the file: a torn tail
  std::uint64_t dropped_bytes = 0;    ///< in all of them
  std::string reason;                 ///< what is wrong with the first of them; empty if there is none
};
/// "130 bytes cannot be read (the first at byte 254: the file ends within a record ...); 12 records behind them are whole"
std::string describe_damage(const ReplayResult& replay);

/// Creates an empty journal, complete under its name or absent.
void create_journal(const std::filesystem::path& path);

/// Calls `visit` for every whole record in order. Never throws for damaged records; throws Error(store) if the file is no journal or of
/// another format version, and Error(io) if it cannot be read. Works while another process appends.
ReplayResult replay_journal(const std::filesystem::path& path, const std::function<void(const Record&)>& visit);

/// The payload of the whole record at `offset` (from a Record); Error(store) if there is none.
std::string read_record(const std::filesystem::path& path, std::uint64_t offset);

struct Repair {
  std::filesystem::path side_file;  ///< <path>.corrupt-<n>, n = 1, 2, ...; empty: there was nothing to do
  std::uint64_t end = 0;            ///< size of the journal now
};
/// If the replay dropped bytes: copies them to a side file (durable), and only then takes them out. A damaged tail is cut off; around
/// damage in the middle the whole records are copied to a new journal that takes the place of the old one, so that offsets change.
Repair repair_journal(const std::filesystem::path& path, const ReplayResult& replay);

/// Appends to a repaired journal. One writer at a time (see the lock of OutputDirectory).
class JournalWriter {
 public:
  /// `end`: Repair::end.
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
  std::unique_ptr<base::File> file_;
  std::uint64_t salt_ = 0;
  std::uint64_t synced_end_ = 0;
  std::string buffer_;
  std::size_t unsynced_ = 0;
};

}  // namespace espalier::store
