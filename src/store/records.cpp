#include "store/records.hpp"

#include <cstring>

#include "espalier/base/error.hpp"
#include "espalier/store/part.hpp"
#include "espalier/task/codec.hpp"
#include "store/bytes.hpp"

namespace espalier::store {

using base::ErrorKind;
using base::fail;

namespace {

/// Checksums have been compared, so a payload that does not fit was written by another program.
void require(bool ok, std::string_view what) {
  if (!ok) fail(ErrorKind::store, "a journal record of kind {} is whole but not in the expected form", what);
}

void put_key(std::string& bytes, const task::StageKey& key) {
  put(bytes, key.high);
  put(bytes, key.low);
}

task::StageKey take_key(ByteReader& reader) {
  task::StageKey key;
  key.high = reader.take<std::uint64_t>();
  key.low = reader.take<std::uint64_t>();
  return key;
}

void put_keys(std::string& bytes, std::span<const task::StageKey> keys) {
  put(bytes, static_cast<std::uint32_t>(keys.size()));
  for (const task::StageKey& key : keys) put_key(bytes, key);
}

std::vector<task::StageKey> take_keys(ByteReader& reader) {
  std::vector<task::StageKey> keys;
  for (auto left = reader.take<std::uint32_t>(); left > 0 && reader.ok(); --left) keys.push_back(take_key(reader));
  return keys;
}

struct OutcomePrefix {
  task::StageKey key;
  Finished finished;
  std::vector<base::Digest> arrays;
  std::string_view encoded;
};

OutcomePrefix read_prefix(std::string_view payload) {
  ByteReader reader(payload);
  OutcomePrefix prefix;
  const auto kind = reader.take<std::uint8_t>();
  const auto has_part = reader.take<std::uint8_t>();
  const auto arrays = reader.take<std::uint16_t>();
  prefix.key = take_key(reader);
  prefix.finished.started = reader.take<double>();
  prefix.finished.wall_seconds = reader.take<double>();
  base::FileStamp stamp;
  stamp.size = reader.take<std::uint64_t>();
  stamp.checksum = reader.take<std::uint64_t>();
  for (auto left = arrays; left > 0 && reader.ok(); --left) prefix.arrays.push_back(take_key(reader));
  require(reader.ok() && kind <= 1 && has_part <= 1, "outcome");
  prefix.finished.kind = kind == 0 ? task::OutcomeKind::done : task::OutcomeKind::failed;
  if (has_part == 1) prefix.finished.part = std::make_shared<const task::PartFile>(task::PartFile{part_name(prefix.key), stamp});
  prefix.encoded = reader.rest();
  return prefix;
}

}  // namespace

std::string encode_identity(const RunIdentity& identity) {
  std::string bytes;
  put(bytes, identity.fingerprint.high);
  put(bytes, identity.fingerprint.low);
  put_text(bytes, identity.configuration);
  put(bytes, static_cast<std::int32_t>(identity.shard.index));
  put(bytes, static_cast<std::int32_t>(identity.shard.count));
  return bytes;
}

RunIdentity decode_identity(std::string_view payload) {
  ByteReader reader(payload);
  RunIdentity identity;
  identity.fingerprint.high = reader.take<std::uint64_t>();
  identity.fingerprint.low = reader.take<std::uint64_t>();
  identity.configuration = reader.take_text();
  if (!reader.rest().empty()) {  // journals of before there were shards end here
    identity.shard.index = reader.take<std::int32_t>();
    identity.shard.count = reader.take<std::int32_t>();
  }
  require(reader.ok(), "identity");
  return identity;
}

std::string encode_event(const Event& event) {
  std::string bytes;
  put(bytes, event.time);
  put_text(bytes, event.name);
  put(bytes, static_cast<std::uint32_t>(event.facts.size()));
  for (const auto& [name, value] : event.facts) {
    put_text(bytes, name);
    put_text(bytes, value);
  }
  return bytes;
}

Event decode_event(std::string_view payload) {
  ByteReader reader(payload);
  Event event;
  event.time = reader.take<double>();
  event.name = reader.take_text();
  for (auto left = reader.take<std::uint32_t>(); left > 0 && reader.ok(); --left) {
    std::string name(reader.take_text());
    event.facts[std::move(name)] = reader.take_text();
  }
  require(reader.ok(), "event");
  return event;
}

std::string encode_retry(std::span<const task::StageKey> keys) {
  std::string bytes;
  put_keys(bytes, keys);
  return bytes;
}

std::vector<task::StageKey> decode_retry(std::string_view payload) {
  ByteReader reader(payload);
  std::vector<task::StageKey> keys = take_keys(reader);
  require(reader.ok(), "retry");
  return keys;
}

std::string encode_extension(const Extension& extension) {
  std::string bytes;
  put(bytes, static_cast<std::uint32_t>(extension.adoptions.size()));
  for (const auto& [key, from] : extension.adoptions) {
    put_key(bytes, key);
    put_key(bytes, from);
  }
  put(bytes, static_cast<std::uint32_t>(extension.left.size()));
  for (const auto& [kind, keys] : extension.left) {
    put_text(bytes, kind);
    put_keys(bytes, keys);
  }
  return bytes;
}

Extension decode_extension(std::string_view payload) {
  ByteReader reader(payload);
  Extension extension;
  for (auto left = reader.take<std::uint32_t>(); left > 0 && reader.ok(); --left) {
    const task::StageKey key = take_key(reader);
    extension.adoptions.push_back({key, take_key(reader)});
  }
  for (auto left = reader.take<std::uint32_t>(); left > 0 && reader.ok(); --left) {
    std::string kind(reader.take_text());
    extension.left[std::move(kind)] = take_keys(reader);
  }
  require(reader.ok(), "extension");
  return extension;
}

std::string encode_outcome(const task::Outcome& outcome) {
  if (outcome.part && outcome.part->name != part_name(outcome.key))
    fail(ErrorKind::internal, "the part file of task {} is called '{}', expected '{}'", outcome.key.hex(), outcome.part->name,
         part_name(outcome.key));
  const base::FileStamp stamp = outcome.part ? outcome.part->stamp : base::FileStamp{};
  std::string digests;
  std::uint16_t shared = 0;
  for (const task::Array& array : outcome.arrays) {
    if (!array.shared) continue;
    put_key(digests, base::digest(bytes_of(array.values)));
    ++shared;
  }
  std::string bytes;
  put(bytes, static_cast<std::uint8_t>(outcome.kind == task::OutcomeKind::done ? 0 : 1));
  put(bytes, static_cast<std::uint8_t>(outcome.part ? 1 : 0));
  put(bytes, shared);
  put_key(bytes, outcome.key);
  put(bytes, outcome.started);
  put(bytes, outcome.wall_seconds);
  put(bytes, stamp.size);
  put(bytes, stamp.checksum);
  return bytes + digests + task::encode_lean(outcome);
}

task::Outcome decode_outcome(std::string_view payload, const std::function<std::string(const base::Digest&)>& array) {
  const OutcomePrefix prefix = read_prefix(payload);
  auto digest = prefix.arrays.begin();
  task::Outcome outcome = task::decode_lean(prefix.encoded, [&] {
    require(digest != prefix.arrays.end(), "outcome");
    const std::string bytes = array(*digest++);
    require(bytes.size() % sizeof(double) == 0, "array");
    std::vector<double> values(bytes.size() / sizeof(double));
    if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  });
  require(digest == prefix.arrays.end(), "outcome");
  return outcome;
}

std::vector<base::Digest> shared_arrays(std::string_view payload) { return read_prefix(payload).arrays; }

std::pair<task::StageKey, Finished> decode_finished(std::string_view payload) {
  OutcomePrefix prefix = read_prefix(payload);
  if (prefix.finished.kind == task::OutcomeKind::failed) {
    auto [error_kind, message] = task::decode_failure(prefix.encoded);
    prefix.finished.failure = std::make_shared<const Failure>(Failure{std::move(error_kind), std::move(message)});
  }
  return {prefix.key, std::move(prefix.finished)};
}

}  // namespace espalier::store
