// One byte form (CBOR) of attempts and outcomes, for messages and for the journal.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "espalier/task/task.hpp"

namespace espalier::task {

std::string encode(const Attempt& attempt);
std::string encode(const Outcome& outcome);
/// Throw Error(data) on bytes that are not a complete encoding.
Attempt decode_attempt(std::string_view bytes);
Outcome decode_outcome(std::string_view bytes);

/// Of an outcome of either form: its error_kind and message; the rest is not looked at.
std::pair<std::string, std::string> decode_failure(std::string_view bytes);

/// Without the values of shared arrays, which are kept elsewhere.
std::string encode_lean(const Outcome& outcome);
/// `next_shared`: the values of the shared arrays, one after the other.
Outcome decode_lean(std::string_view bytes, const std::function<std::vector<double>()>& next_shared);

}  // namespace espalier::task
