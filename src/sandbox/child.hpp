// The child's side: from fork to _exit.
#pragma once
#include <csignal>
#include <cstdint>
#include <string_view>

#include "espalier/sandbox/sandbox.hpp"
#include "sandbox/scratch.hpp"

namespace espalier::sandbox {

/// Signals by which the server asks a child to stop; the kernel sends SIGXCPU itself.
inline constexpr int stop_for_time = SIGUSR1;
inline constexpr int stop_by_caller = SIGTERM;

struct ChildJob {
  std::uint64_t number = 0;
  std::string_view request;
  task::ResourceLimits limits;
  int output = -1;   ///< its standard output and error
  int results = -1;  ///< pipe for frames
  int talk = -1;     ///< socket to the server, for a shared process; -1: it serves this job only
  pid_t server = 0;
  const Scratch* scratch = nullptr;
};

/// Makes the process a safe place (dies with its server, own process group, limits, no foreign descriptors), runs the work, and more of it
/// if the process is shared, and leaves.
[[noreturn]] void be_child(const Work& work, const ChildJob& job);

}  // namespace espalier::sandbox
