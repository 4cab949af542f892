// From what the server saw and what the child said to how it ended.
#pragma once
#include "espalier/sandbox/sandbox.hpp"
#include "sandbox/messages.hpp"

namespace espalier::sandbox {

/// What came through the child's pipe.
struct Said {
  std::optional<std::string> result;
  std::optional<std::string> partial;
  std::string failure;  ///< an exception, or bytes that are no message: nothing after it counts; empty if none
  bool exhausted = false;
  bool second_try = false;

  /// What it said before does not count, but for partial results.
  void start_again() {
    if (!second_try) *this = Said{.result = {}, .partial = std::move(partial), .failure = {}, .second_try = true};
  }
};

Report conclude(const Ended& ended, Said said, const task::ResourceLimits& limits, const std::filesystem::path& log);

}  // namespace espalier::sandbox
