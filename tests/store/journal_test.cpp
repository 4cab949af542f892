#include "espalier/store/journal.hpp"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <vector>

#include "espalier/base/clock.hpp"
#include "espalier/base/hash.hpp"
#include "h5/temporary_directory.hpp"

namespace espalier::store {
namespace {

using test::error_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class JournalTest : public test::TemporaryDirectory {
 protected:
  std::filesystem::path journal() const { return path("run.journal"); }

  void write(const std::vector<std::string>& payloads) const {
    create_journal(journal());
    JournalWriter writer(journal(), 64);
    for (const std::string& payload : payloads) writer.append(RecordKind::outcome, payload);
    writer.sync();
  }
  void overwrite(std::string_view bytes) const { std::ofstream(journal(), std::ios::binary | std::ios::in | std::ios::out) << bytes; }

  std::pair<std::vector<std::string>, ReplayResult> read() const {
    std::vector<std::string> payloads;
    const ReplayResult result = replay_journal(journal(), [&](const Record& record) {
      EXPECT_EQ(record.kind, RecordKind::outcome);
      EXPECT_EQ(read_record(journal(), record.offset), record.payload);
      payloads.emplace_back(record.payload);
    });
    return {payloads, result};
  }
};

const std::vector<std::string> sample{"first", "", std::string(300, 'x'), "last one"};

/// All of them, in their order, but for some that are missing.
bool is_subset(const std::vector<std::string>& part, const std::vector<std::string>& whole) {
  auto at = whole.begin();
  for (const std::string& payload : part) {
    at = std::find(at, whole.end(), payload);
    if (at == whole.end()) return false;
    ++at;
  }
  return true;
}

std::size_t total_size(const std::vector<std::string>& payloads) {
  std::size_t size = 0;
  for (const std::string& payload : payloads) size += payload.size();
  return size;
}

/// Where the records stand, and where the last one ends.
std::vector<std::size_t> offsets_of(const std::vector<std::string>& payloads) {
  std::vector<std::size_t> offsets{64};
  for (const std::string& payload : payloads) offsets.push_back(offsets.back() + 16 + payload.size());
  return offsets;
}

/// What must be left when the bytes from `start` to `end` are other ones.
std::vector<std::string> survivors(const std::vector<std::string>& payloads, std::size_t start, std::size_t end) {
  const std::vector<std::size_t> offsets = offsets_of(payloads);
  std::vector<std::string> left;
  for (std::size_t i = 0; i < payloads.size(); ++i)
    if (offsets[i + 1] <= start || offsets[i] >= end) left.push_back(payloads[i]);
  return left;
}

bool is_prefix(const std::vector<std::string>& part, const std::vector<std::string>& whole) {
  return part.size() <= whole.size() && std::equal(part.begin(), part.end(), whole.begin());
}

TEST_F(JournalTest, RecordsComeBackInOrder) {
  write(sample);
  const auto [payloads, result] = read();
  EXPECT_EQ(payloads, sample);
  EXPECT_EQ(result.records, 4U);
  EXPECT_EQ(result.valid_bytes, std::filesystem::file_size(journal()));
  EXPECT_EQ(result.dropped_bytes, 0U);
  EXPECT_EQ(result.reason, "");
}

TEST_F(JournalTest, TheLayoutIsTheDocumentedOne) {
  write({"abc"});
  const std::string bytes = base::read_file(journal());
  ASSERT_EQ(bytes.size(), 64U + 16 + 3);
  EXPECT_EQ(bytes.substr(0, 16), std::string("\x89"
                                             "ESPJ\r\n\x1a"
                                             "\x02\0\0\0\0\0\0\0",
                                             16));
  EXPECT_EQ(bytes.substr(0, 32), bytes.substr(32, 32));
  EXPECT_EQ(bytes.substr(64, 11), std::string("\x03\0\0\0\x02\0\0\0"
                                              "abc",
                                              11));
}

TEST_F(JournalTest, NothingIsWrittenBeforeSyncAndUnsyncedRecordsAreDropped) {
  create_journal(journal());
  {
    JournalWriter writer(journal(), 64);
    EXPECT_EQ(writer.append(RecordKind::outcome, "a"), 64U);
    writer.sync();
    EXPECT_EQ(writer.append(RecordKind::outcome, "b"), 64U + 17);
    EXPECT_EQ(writer.unsynced(), 1U);
  }
  EXPECT_THAT(read().first, ElementsAre("a"));
}

TEST_F(JournalTest, AppendingGoesOnWhereTheReplayEnded) {
  write({"a"});
  JournalWriter writer(journal(), read().second.valid_bytes);
  writer.append(RecordKind::outcome, "b");
  writer.sync();
  writer.append(RecordKind::outcome, "c");
  writer.sync();
  EXPECT_THAT(read().first, ElementsAre("a", "b", "c"));
}

TEST_F(JournalTest, TruncatedAtEveryByteGivesAPrefixAndReportsTheLoss) {
  write(sample);
  const std::size_t whole = std::filesystem::file_size(journal());
  for (std::size_t size = whole; size-- > 64;) {
    std::filesystem::resize_file(journal(), size);
    const auto [payloads, result] = read();
    EXPECT_TRUE(is_prefix(payloads, sample) && payloads.size() < sample.size());
    EXPECT_EQ(result.valid_bytes + result.dropped_bytes, size);
    EXPECT_EQ(result.reason.empty(), result.dropped_bytes == 0);
  }
  for (std::size_t size = 64; size-- > 0;) {
    std::filesystem::resize_file(journal(), size);
    const std::string error = error_of([&] { read(); });
    EXPECT_EQ(error, "store: '" + journal().string() + "' is not a journal of espalier: expected its header of 64 bytes");
  }
}

TEST_F(JournalTest, EverySingleBitFlipCostsItsOwnRecordOnly) {
  write(sample);
  const std::string whole = base::read_file(journal());
  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    overwrite(damaged);
    const auto [payloads, result] = read();
    if (bit < 8 * 64) {
      EXPECT_EQ(payloads, sample) << "the header is there twice; bit " << bit;
    } else {
      EXPECT_EQ(payloads, survivors(sample, bit / 8, bit / 8 + 1)) << bit;
      EXPECT_EQ(result.damaged.size(), 1U) << bit;
      EXPECT_EQ(result.dropped_bytes, whole.size() - 64 - 16 * payloads.size() - total_size(payloads)) << bit;
      EXPECT_NE(result.reason, "") << bit;
    }
  }
}

TEST_F(JournalTest, ZeroBlocksOfAllSizesCostTheirOwnRecordsOnly) {
  const std::vector<std::string> small{"first", "", "a third one", "last"};
  write(small);
  const std::string whole = base::read_file(journal());
  for (std::size_t start = 64; start < whole.size(); ++start)
    for (std::size_t end = start + 1; end <= whole.size(); ++end) {
      std::string damaged = whole;
      std::fill(damaged.begin() + static_cast<std::ptrdiff_t>(start), damaged.begin() + static_cast<std::ptrdiff_t>(end), '\0');
      // Zeros that were zeros before are no damage.
      std::size_t first = start, last = end;
      while (first < last && whole[first] == '\0') ++first;
      while (first < last && whole[last - 1] == '\0') --last;
      overwrite(damaged);
      const auto [payloads, result] = read();
      EXPECT_TRUE(is_subset(payloads, small));
      EXPECT_TRUE(is_subset(survivors(small, first, last), payloads)) << start << " to " << end;
      EXPECT_EQ(result.damaged.empty(), damaged == whole);
    }
}

TEST_F(JournalTest, ATailOfZerosIsDropped) {
  write(sample);
  const std::string whole = base::read_file(journal());
  for (const std::size_t size : {std::size_t{1}, std::size_t{512}, std::size_t{4096}, std::size_t{3} << 20}) {
    overwrite(whole + std::string(size, '\0'));
    const auto [payloads, result] = read();
    EXPECT_EQ(payloads, sample);
    EXPECT_EQ(result.dropped_bytes, size);
    EXPECT_EQ(result.valid_bytes, whole.size());
    std::filesystem::resize_file(journal(), whole.size());
  }
}

TEST_F(JournalTest, LengthsThatClaimEverythingDoNotTakeForEver) {
  write({"a"});
  std::string bytes = base::read_file(journal());
  bytes += "torn";
  for (int i = 0; i < 400'000; ++i) bytes += std::string("\x00\x00\x10\x00\x01\x00\x00\x00", 8);  // 1 MiB of kind 1, at every eighth byte
  overwrite(bytes);
  const base::Stopwatch watch;
  EXPECT_THAT(read().first, ElementsAre("a"));
  EXPECT_LT(watch.cpu_seconds(), 5.0) << "300 GB would have to be hashed";
}

TEST_F(JournalTest, ARecordOfAnotherJournalOrPlaceIsNotTaken) {
  write({"aaaa", "bbbb", "cccc"});
  const std::string one = base::read_file(journal());
  overwrite(one.substr(0, 64 + 20) + one.substr(64, 20) + one.substr(64 + 40));  // the first record twice
  EXPECT_THAT(read().first, ElementsAre("aaaa", "cccc"));
  write({"AAAA", "BBBB", "CCCC"});
  const std::string other = base::read_file(journal());
  overwrite(other.substr(0, 64 + 20) + one.substr(64 + 20));  // the same place in an older journal
  EXPECT_THAT(read().first, ElementsAre("AAAA"));
}

TEST_F(JournalTest, RandomDamageNeverInventsRecords) {
  write(sample);
  const std::string whole = base::read_file(journal());
  std::uint64_t state = 12345;
  const auto random = [&state](std::size_t bound) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<std::size_t>((state >> 33) % bound);
  };
  for (int round = 0; round < 2000; ++round) {
    std::string damaged = whole;
    for (std::size_t n = 1 + random(5); n-- > 0;) damaged[64 + random(whole.size() - 64)] = static_cast<char>(random(256));
    overwrite(damaged);
    EXPECT_TRUE(is_subset(read().first, sample));
  }
}

TEST_F(JournalTest, RepairKeepsTheTailAsideAndAppendingWorksAgain) {
  write({"a", "b"});
  std::string bytes = base::read_file(journal());
  bytes[64 + 17 + 8] ^= 1;
  overwrite(bytes);
  const auto [payloads, result] = read();
  EXPECT_THAT(payloads, ElementsAre("a"));
  std::ofstream(journal().string() + ".corrupt-1") << "older";
  const Repair repair = repair_journal(journal(), result);
  EXPECT_EQ(repair.side_file, journal().string() + ".corrupt-2");
  EXPECT_EQ(base::read_file(repair.side_file), bytes.substr(64 + 17));
  EXPECT_EQ(repair.end, 64U + 17);
  EXPECT_EQ(base::read_file(journal()), bytes.substr(0, 64 + 17)) << "a torn tail is cut off, nothing else changes";
  JournalWriter writer(journal(), repair.end);
  writer.append(RecordKind::outcome, "c");
  writer.sync();
  EXPECT_THAT(read().first, ElementsAre("a", "c"));
  EXPECT_EQ(repair_journal(journal(), read().second).side_file, "");
}

TEST_F(JournalTest, RepairTakesDamageOutOfTheMiddle) {
  write({"a", "bb", "ccc", "dddd", "eeeee"});
  std::string bytes = base::read_file(journal());
  const std::vector<std::size_t> offsets = offsets_of({"a", "bb", "ccc", "dddd", "eeeee"});
  bytes[offsets[1] + 3] ^= 1;  // in a length
  bytes[offsets[3] + 8] ^= 1;  // in a payload
  overwrite(bytes + "torn");
  const auto [payloads, result] = read();
  EXPECT_THAT(payloads, ElementsAre("a", "ccc", "eeeee"));
  EXPECT_EQ(result.salvaged, 2U);
  EXPECT_EQ(result.damaged.size(), 3U);
  EXPECT_EQ(describe_damage(result),
            "42 bytes cannot be read (the first at byte 81: " + result.reason + "); 2 records behind them are whole");
  const Repair repair = repair_journal(journal(), result);
  EXPECT_EQ(base::read_file(repair.side_file), bytes.substr(offsets[1], 18) + bytes.substr(offsets[3], 20) + "torn");
  JournalWriter writer(journal(), repair.end);
  writer.append(RecordKind::outcome, "f");
  writer.sync();
  const auto [after, clean] = read();
  EXPECT_THAT(after, ElementsAre("a", "ccc", "eeeee", "f"));
  EXPECT_TRUE(clean.damaged.empty());
  EXPECT_FALSE(std::filesystem::exists(journal().string() + ".tmp"));
}

TEST_F(JournalTest, OtherFilesAndVersionsAreRefused) {
  EXPECT_THAT(error_of([&] { read(); }), StartsWith("io: cannot open '"));
  std::ofstream(journal()) << std::string(200, 'x');
  EXPECT_THAT(error_of([&] { read(); }), HasSubstr("is not a journal of espalier"));
  std::filesystem::remove(journal());
  write({});
  EXPECT_EQ(read().second.records, 0U);
  std::string bytes = base::read_file(journal());
  bytes[20] ^= 1, bytes[52] ^= 1;
  overwrite(bytes);
  EXPECT_THAT(error_of([&] { read(); }), HasSubstr("both copies of the journal's header are damaged"));
  std::string other = bytes.substr(0, 8) + std::string("\x07\0\0\0\0\0\0\0", 8) + bytes.substr(16, 8);
  const std::uint64_t sum = base::checksum({other.data(), other.size()});
  other.append(reinterpret_cast<const char*>(&sum), 8);
  overwrite(other + other);
  EXPECT_EQ(error_of([&] { read(); }),
            "store: '" + journal().string() + "' is a journal of format version 7; this program reads and writes version 2");
}

TEST_F(JournalTest, AFullDiskKeepsWhatWasSyncedAndSyncMayBeRepeated) {
  std::signal(SIGXFSZ, SIG_IGN);
  write({"kept"});
  JournalWriter writer(journal(), read().second.valid_bytes);
  for (int i = 0; i < 100; ++i) writer.append(RecordKind::outcome, "record " + std::to_string(i));
  rlimit limit{};
  ::getrlimit(RLIMIT_FSIZE, &limit);
  const rlimit before = limit;
  limit.rlim_cur = 500;
  ::setrlimit(RLIMIT_FSIZE, &limit);
  const std::string error = error_of([&] { writer.sync(); });
  const auto during = read();
  ::setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(error, "io: cannot write '" + journal().string() + "': File too large");
  EXPECT_EQ(writer.unsynced(), 100U);
  EXPECT_THAT(during.first, ElementsAre("kept"));
  EXPECT_EQ(during.second.dropped_bytes, 0U);
  writer.sync();
  EXPECT_EQ(read().first.size(), 101U);
}

TEST_F(JournalTest, ReadingWhileAnotherWritesSeesWholeRecordsOnly) {
  create_journal(journal());
  JournalWriter writer(journal(), 64);
  for (std::size_t i = 0; i < 50; ++i) {
    writer.append(RecordKind::outcome, std::string(1000, 'r'));
    writer.sync();
    EXPECT_EQ(read().first.size(), i + 1);
  }
}

TEST_F(JournalTest, AMillionRecordsReplayInSeconds) {
  create_journal(journal());
  JournalWriter writer(journal(), 64);
  const std::string payload(200, 'p');
  for (int i = 0; i < 1'000'000; ++i) {
    writer.append(RecordKind::outcome, payload);
    if (i % 10'000 == 0) writer.sync();
  }
  writer.sync();
  const base::Stopwatch watch;
  std::size_t bytes = 0;
  const ReplayResult result = replay_journal(journal(), [&](const Record& record) { bytes += record.payload.size(); });
  const double seconds = watch.cpu_seconds();
  EXPECT_EQ(result.records, 1'000'000U);
  EXPECT_EQ(bytes, 200'000'000U);
  EXPECT_LT(seconds, 5.0);
  RecordProperty("seconds", std::to_string(seconds));
}

}  // namespace
}  // namespace espalier::store
