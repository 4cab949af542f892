#include "espalier/store/output_directory.hpp"

#include <algorithm>
#include <system_error>

#include "espalier/base/clock.hpp"
#include "espalier/base/descriptor.hpp"
#include "espalier/base/file.hpp"
#include "espalier/base/log.hpp"
#include "store/bytes.hpp"
#include "store/layout.hpp"
#include "store/lock.hpp"
#include "store/records.hpp"

namespace espalier::store {

namespace fs = std::filesystem;
using base::ErrorKind;
using base::fail;

namespace {
std::string describe(const task::Shard& shard) { return shard.is_whole() ? "the whole grid" : "shard " + task::to_text(shard); }
}  // namespace

OutputDirectory::OutputDirectory(fs::path path) : path_(std::move(path)) {}
OutputDirectory::~OutputDirectory() = default;
OutputDirectory::OutputDirectory(OutputDirectory&&) noexcept = default;
OutputDirectory& OutputDirectory::operator=(OutputDirectory&&) noexcept = default;

std::string OutputDirectory::token() const { return lock_ ? lock_->token() : ""; }
bool OutputDirectory::running() const { return run_is_alive(path_); }

OutputDirectory OutputDirectory::open(const fs::path& path, const RunIdentity& identity, OpenMode mode, const ExtensionPlanner& extend) {
  OutputDirectory directory(path);
  make_directory(path);
  refuse_foreign(path);
  try {
    directory.lock_ = std::make_unique<DirectoryLock>(path);
  } catch (const base::Error& error) {
    if (error.kind() != ErrorKind::io) throw;
    fail(ErrorKind::store, "cannot write in the output directory '{}': {}", path.string(), error.what());
  }
  refuse_foreign(path);  // what has changed while we waited
  if (fs::exists(directory.journal_path())) {
    if (mode == OpenMode::fresh)
      fail(ErrorKind::store, "'{}' already holds a run; choose another directory, or continue that run with --resume auto", path.string());
    directory.resume(identity, extend);
  } else {
    directory.create(identity);
  }
  return directory;
}

void OutputDirectory::keep_file(const fs::path& file, const base::Digest& hash) {
  const fs::path copy = path_ / task::import_name(hash.hex(), file.filename().string());
  if (fs::exists(copy) && base::digest_file(copy) == hash) return;
  base::make_directories(copy.parent_path());
  base::copy_file_atomically(file, copy);
  const base::Digest found = base::digest_file(copy);
  if (found == hash) return;
  fs::remove(copy);
  fail(ErrorKind::configuration, "'{}': expected the content with hash {}, which the plan was made for, found {}", file.string(),
       hash.hex(), found.hex());
}

OutputDirectory OutputDirectory::inspect(const fs::path& path) {
  OutputDirectory directory(path);
  if (!fs::exists(directory.journal_path()))
    fail(ErrorKind::store, "'{}' is not an output directory of espalier: expected a file run.journal in it, found {}", path.string(),
         fs::exists(path) ? "none" : "no such directory");
  directory.read_journal();
  if (!directory.has_identity_)
    fail(ErrorKind::store, "'{}': {}", path.string(),
         directory.replay_.damaged.empty()
             ? "the run has not begun: its journal is empty"
             : "its journal is damaged at the beginning: " + describe_damage(directory.replay_) + "; the same run command may repair it");
  return directory;
}

void OutputDirectory::create(const RunIdentity& identity) {
  make_directory(path_ / "parts");
  make_directory(log_directory());
  remove_temporary_files(path_);
  base::sync_directory(path_);
  create_journal(journal_path());
  read_journal();
  writer_.emplace(journal_path(), replay_.valid_bytes);
  writer_->append(RecordKind::identity, encode_identity(identity));
  writer_->sync();
  identity_ = identity;
  has_identity_ = true;
  base::write_file_atomically(plan_path(), identity.configuration);
}

void OutputDirectory::resume(const RunIdentity& identity, const ExtensionPlanner& extend) {
  read_journal();
  const bool begun = fs::exists(plan_path());
  if (!has_identity_ && (begun || replay_.records > 0)) recognise_by_plan(identity);
  const bool changed = has_identity_ && identity_.fingerprint != identity.fingerprint;
  if (changed && !extend)
    throw ConfigurationChanged(ErrorKind::store, fmt::format("'{}' belongs to another configuration (fingerprint {}, now {})",
                                                             path_.string(), identity_.fingerprint.hex(), identity.fingerprint.hex()));
  if (has_identity_ && identity_.shard != identity.shard)
    fail(ErrorKind::store, "'{}' holds {} of this configuration, asked for is {}; choose another directory", path_.string(),
         describe(identity_.shard), describe(identity.shard));
  make_directory(path_ / "parts");
  make_directory(log_directory());
  const Repair repair = repair_journal(journal_path(), replay_);
  dropped_bytes_ = repair.side_file;
  if (!dropped_bytes_.empty()) {
    base::log_warning("'{}': {}; kept in '{}'", journal_path().string(), describe_damage(replay_), dropped_bytes_.string());
    const ReplayResult damaged = replay_;
    read_journal();  // offsets may be others now
    replay_ = damaged;
  }
  forget_lost_parts();
  if (const std::size_t removed = remove_temporary_files(path_); removed > 0)
    base::log_info("removed {} temporary files that an earlier run left in '{}'", removed, path_.string());
  writer_.emplace(journal_path(), repair.end);
  if (changed) record(extend(*this), identity);
  if (!has_identity_ || identity_.configuration != identity.configuration) {
    writer_->append(RecordKind::identity, encode_identity(identity));
    writer_->sync();
  }
  // A kill may have come between the record and the file.
  if (!begun || base::read_file(plan_path()) != identity.configuration) base::write_file_atomically(plan_path(), identity.configuration);
  identity_ = identity;
  has_identity_ = true;
}

/// In front of the identity, and synced with it: without the identity these records change nothing.
void OutputDirectory::record(const Extension& extension, const RunIdentity& identity) {
  writer_->append(RecordKind::extension, encode_extension(extension));
  take_extension(extension);
  append(Event{"configuration changed",
               base::unix_time(),
               {{"tasks", to_text(extension)}, {"before", identity_.fingerprint.hex()}, {"now", identity.fingerprint.hex()}}});
}

/// The identity record is the damaged one: plan.yaml says whose directory it is.
void OutputDirectory::recognise_by_plan(const RunIdentity& identity) const {
  if (fs::exists(plan_path()) && base::read_file(plan_path()) == identity.configuration) return;
  fail(ErrorKind::store, "'{}' is damaged at its beginning (byte {}: {}) and plan.yaml is not this configuration: '{}' cannot be continued",
       journal_path().string(), replay_.damaged.empty() ? replay_.valid_bytes : replay_.damaged.front().offset,
       replay_.reason.empty() ? "no identity record" : replay_.reason, path_.string());
}

void OutputDirectory::forget_lost_parts() {
  std::erase_if(finished_, [this](const auto& entry) {
    const auto& part = entry.second.part;
    if (!part) return false;
    std::error_code error;
    const auto size = fs::file_size(path_ / part->name, error);
    const bool lost = error || size != part->stamp.size;
    if (lost)
      base::log_warning("'{}': {}: its task runs again", (path_ / part->name).string(), error ? error.message() : "it has lost bytes");
    return lost;
  });
}

void OutputDirectory::read_journal() {
  finished_.clear();
  retried_.clear();
  left_.clear();
  arrays_.clear();
  events_.clear();
  replay_ = replay_journal(journal_path(), [this](const Record& record) { take(record); });
}

void OutputDirectory::take(const Record& record) {
  switch (record.kind) {
    case RecordKind::identity:
      identity_ = decode_identity(record.payload);
      has_identity_ = true;
      break;
    case RecordKind::outcome:
      take_outcome(record);
      break;
    case RecordKind::array:
      arrays_.try_emplace(base::digest(record.payload), record.offset);
      break;
    case RecordKind::event:
      events_.push_back(decode_event(record.payload));
      break;
    case RecordKind::retry:
      take_retry(decode_retry(record.payload));
      break;
    case RecordKind::extension:
      take_extension(decode_extension(record.payload));
      break;
  }
}

/// An outcome without one of its arrays, which damage has taken, is lost as well: its task runs again.
void OutputDirectory::take_outcome(const Record& record) {
  for (const base::Digest& array : shared_arrays(record.payload))
    if (!arrays_.contains(array)) return;
  auto [key, finished] = decode_finished(record.payload);
  finished.record = record.offset;
  take(key, std::move(finished));
}

void OutputDirectory::take(const task::StageKey& key, Finished finished) {
  const auto [it, is_new] = finished_.try_emplace(key);
  const bool done_by_failed = !is_new && it->second.kind == task::OutcomeKind::done && finished.kind == task::OutcomeKind::failed;
  if (!done_by_failed) it->second = std::move(finished);
  retried_.erase(key);
}

void OutputDirectory::take_retry(std::span<const task::StageKey> keys) {
  for (const task::StageKey& key : keys) {
    const auto it = finished_.find(key);
    if (it == finished_.end() || it->second.kind == task::OutcomeKind::done) continue;
    finished_.erase(it);
    retried_.insert(key);
  }
}

void OutputDirectory::take_extension(const Extension& extension) {
  for (const auto& [key, from] : extension.adoptions)
    if (const auto it = finished_.find(from); it != finished_.end()) take(key, Finished(it->second));
  for (const auto& [kind, keys] : extension.left)
    for (const task::StageKey& key : keys) left_[key] = kind;
}

/// In front of the first outcome that has it, and synced with it.
void OutputDirectory::keep_shared(const task::Array& array) {
  const std::string_view bytes = bytes_of(array.values);
  const auto [it, is_new] = arrays_.try_emplace(base::digest(bytes));
  if (is_new) it->second = writer_->append(RecordKind::array, bytes);
}

void OutputDirectory::append(const task::Outcome& outcome) {
  if (!writer_) fail(ErrorKind::internal, "'{}' was opened for reading", path_.string());
  Finished finished{.kind = outcome.kind,
                    .failure = nullptr,
                    .part = outcome.part ? std::make_shared<const task::PartFile>(*outcome.part) : nullptr,
                    .started = outcome.started,
                    .wall_seconds = outcome.wall_seconds};
  if (outcome.kind == task::OutcomeKind::failed)
    finished.failure = std::make_shared<const Failure>(Failure{outcome.error_kind, outcome.message});
  for (const task::Array& array : outcome.arrays)
    if (array.shared) keep_shared(array);
  finished.record = writer_->append(RecordKind::outcome, encode_outcome(outcome));
  take(outcome.key, std::move(finished));
}

void OutputDirectory::append(const Event& event) {
  if (!writer_) fail(ErrorKind::internal, "'{}' was opened for reading", path_.string());
  writer_->append(RecordKind::event, encode_event(event));
  events_.push_back(event);
}

void OutputDirectory::forget_failed(std::span<const task::StageKey> keys) {
  if (!writer_) fail(ErrorKind::internal, "'{}' was opened for reading", path_.string());
  writer_->append(RecordKind::retry, encode_retry(keys));
  take_retry(keys);
}

void OutputDirectory::sync() {
  if (writer_) writer_->sync();
}

task::Outcome OutputDirectory::outcome(const task::StageKey& key) const {
  const auto it = finished_.find(key);
  if (it == finished_.end()) fail(ErrorKind::internal, "'{}': task {} has no outcome", path_.string(), key.hex());
  task::Outcome outcome = decode_outcome(read_record(journal_path(), it->second.record),
                                         [&](const base::Digest& array) { return read_record(journal_path(), arrays_.at(array)); });
  outcome.key = key;  // it may have been adopted
  return outcome;
}

}  // namespace espalier::store
