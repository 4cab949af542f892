// Private: payloads of the journal's records.
//
//   identity   fingerprint high u64, low u64; configuration text; shard's index i32, count i32
//   outcome    kind u8 (0 done, 1 failed), has part u8, number of shared arrays u16; key high u64, low u64; started f64, wall seconds f64;
//              part size u64, part checksum u64; digest (high u64, low u64) of each shared array, which is the content of an array record
//              before this one; then the outcome as task::encode writes it, shared arrays without values.
//              What stands in front is what a resumed run needs, so that a million records load in seconds.
//   event      time f64; name; number of facts u32; per fact: name, value
//   retry      number of keys u32; per key: high u64, low u64
//   extension  number of adoptions u32; per adoption: key high u64, low u64, the other's high u64, low u64; number of kinds u32; per kind:
//              text, number of keys u32, keys
//   array      values f64
//   text       length u32 in bytes, UTF-8
#pragma once
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "espalier/store/output_directory.hpp"

namespace espalier::store {

std::string encode_identity(const RunIdentity& identity);
RunIdentity decode_identity(std::string_view payload);

std::string encode_event(const Event& event);
Event decode_event(std::string_view payload);

std::string encode_retry(std::span<const task::StageKey> keys);
std::vector<task::StageKey> decode_retry(std::string_view payload);

/// Adoptions and what is left, without the counts.
std::string encode_extension(const Extension& extension);
Extension decode_extension(std::string_view payload);

std::string encode_outcome(const task::Outcome& outcome);
/// `array`: the payload of the array record with this digest.
task::Outcome decode_outcome(std::string_view payload, const std::function<std::string(const base::Digest&)>& array);
/// What an outcome refers to.
std::vector<base::Digest> shared_arrays(std::string_view payload);
/// Without decoding the whole outcome; of a failed one, its message. `record` stays 0.
std::pair<task::StageKey, Finished> decode_finished(std::string_view payload);

}  // namespace espalier::store
