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
};

Report conclude(const Ended& ended, Said said, const task::ResourceLimits& limits, const std::filesystem::path& log);

}  // namespace espalier::sandbox
