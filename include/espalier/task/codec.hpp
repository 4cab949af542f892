// One byte form (CBOR) of attempts and outcomes, for messages and for the journal.
#pragma once
#include <string>
#include <string_view>

#include "espalier/task/task.hpp"

namespace espalier::task {

std::string encode(const Attempt& attempt);
std::string encode(const Outcome& outcome);
/// Throw Error(data) on bytes that are not a complete encoding.
Attempt decode_attempt(std::string_view bytes);
Outcome decode_outcome(std::string_view bytes);

}  // namespace espalier::task
