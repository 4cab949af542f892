// The journal reader. The first byte chooses: raw bytes as a journal; or records with any payloads, well framed (a fuzzer cannot guess
// checksums) and then damaged. Nothing that was not written is read, repairing keeps what was read, and payloads are refused as
// Error(store) or Error(data), or taken.
#include <fcntl.h>

#include <fstream>

#include "espalier/base/error.hpp"
#include "espalier/store/journal.hpp"
#include "fuzz/memory_file.hpp"
#include "store/frame.hpp"
#include "store/records.hpp"

namespace {

using namespace espalier;
using fuzz::require;

struct Item {
  std::uint32_t kind;
  std::string payload;
  friend bool operator==(const Item&, const Item&) = default;
};

constexpr std::uint64_t salt = 0x0123456789abcdef;

/// Payloads of the file, in order; empty and `ok` false if it is no journal.
std::vector<Item> read(const std::filesystem::path& path, store::ReplayResult& result, bool& ok) {
  std::vector<Item> items;
  ok = false;
  try {
    result = store::replay_journal(path, [&](const store::Record& record) {
      items.push_back({static_cast<std::uint32_t>(record.kind), std::string(record.payload)});
      require(store::read_record(path, record.offset) == record.payload, "a record is found at its offset");
    });
    ok = true;
  } catch (const base::Error& error) {
    require(error.kind() == base::ErrorKind::store, "no journal: refused as store");
  }
  return items;
}

void decode(const Item& item) {
  try {
    switch (static_cast<store::RecordKind>(item.kind)) {
      case store::RecordKind::identity:
        store::decode_identity(item.payload);
        break;
      case store::RecordKind::outcome:
        store::decode_finished(item.payload);
        store::decode_outcome(item.payload, [](const base::Digest&) { return std::string(16, '\0'); });
        break;
      case store::RecordKind::array:
        break;
      case store::RecordKind::event:
        store::decode_event(item.payload);
        break;
      case store::RecordKind::retry:
        store::decode_retry(item.payload);
        break;
      case store::RecordKind::extension:
        store::decode_extension(item.payload);
        break;
    }
  } catch (const base::Error& error) {
    require(error.kind() == base::ErrorKind::store || error.kind() == base::ErrorKind::data, "a payload is refused as store or data");
  }
}

/// Well-framed records, then damage of single bytes, cuts and insertions.
std::string build(fuzz::Bytes& bytes, std::vector<Item>& written) {
  std::string file = store::encode_header(salt);
  for (std::uint64_t count = bytes.below(8); count-- > 0;) {
    Item item{static_cast<std::uint32_t>(1 + bytes.below(6)), ""};
    item.payload = bytes.take(bytes.below(4096));
    store::append_frame(file, item.kind, item.payload, salt, file.size());
    written.push_back(std::move(item));
  }
  for (std::uint64_t count = bytes.below(6); count-- > 0 && file.size() > 64;) {
    const std::size_t at = 64 + bytes.below(file.size() - 64);
    switch (bytes.below(4)) {
      case 0:
        file[at] = static_cast<char>(bytes.byte());
        break;
      case 1:
        file.erase(at, bytes.byte());
        break;
      case 2:
        file.insert(at, bytes.take(bytes.byte()));
        break;
      default:
        file.insert(at, bytes.byte(), '\0');
    }
  }
  return file;
}

bool is_subset(const std::vector<Item>& part, const std::vector<Item>& whole) {
  auto at = whole.begin();
  for (const Item& item : part) {
    at = std::find(at, whole.end(), item);
    if (at++ == whole.end()) return false;
  }
  return true;
}

const std::filesystem::path& folder() {
  static const std::filesystem::path path = [] {
    char name[] = "/tmp/espalier-fuzz-XXXXXX";
    require(::mkdtemp(name) != nullptr, "a folder");
    static const std::string kept = name;
    std::atexit([] { std::filesystem::remove_all(kept); });
    return std::filesystem::path(kept);
  }();
  return path;
}

/// What a resumed run does with a damaged journal.
void repair(const std::string& file, const store::ReplayResult& replay, const std::vector<Item>& items) {
  const std::filesystem::path path = folder() / "run.journal";
  std::ofstream(path, std::ios::binary) << file;
  const store::Repair repair = store::repair_journal(path, replay);
  require(std::filesystem::file_size(repair.side_file) == replay.dropped_bytes, "the side file has what was dropped");
  std::filesystem::remove(repair.side_file);
  store::JournalWriter writer(path, repair.end);
  store::ReplayResult again;
  bool ok = false;
  require(read(path, again, ok) == items && ok && again.damaged.empty(), "a repaired journal has the same records and no damage");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Bytes bytes(data, size);
  std::vector<Item> written;
  const bool raw = bytes.byte() % 4 == 0;
  const std::string file = raw ? std::string(bytes.rest()) : build(bytes, written);
  store::ReplayResult result;
  bool ok = false;
  const std::vector<Item> items = read(fuzz::MemoryFile(file).path(), result, ok);
  if (!raw) require(ok && is_subset(items, written), "nothing is invented");
  for (const Item& item : items) decode(item);
  // Each repair waits for the disk, so not all of them.
  if (ok && result.dropped_bytes > 0 && file.size() % 16 == 0) repair(file, result, items);
  return 0;
}
