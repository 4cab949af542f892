// Processes and the memory they have. Is a process still there? For processes of this machine the kernel knows; of others nobody does.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace espalier::base {

/// Names one process for good: process numbers are given again, start times tell their owners apart.
struct ProcessId {
  std::string place;              ///< host, boot of its kernel and namespace of process numbers
  long pid = 0;                   ///< there
  std::uint64_t start_ticks = 0;  ///< clock ticks from that boot to its start
  friend bool operator==(const ProcessId&, const ProcessId&) = default;
};

ProcessId this_process();

enum class Presence {
  running,
  gone,     ///< it has ended; a zombie has
  unknown,  ///< on another machine, or out of this process's sight
};
Presence presence(const ProcessId& process);

/// Clock ticks from boot to the start of this machine's process `pid` (field 22 of /proc/<pid>/stat); 0 if there is none, or only a
/// zombie of it.
std::uint64_t start_ticks_of(long pid);

/// Bytes of memory that this process may hope for: the machine's, or what its control group (a container, a job) is allowed of them.
double memory_bytes();

/// One line, and back; throws Error(data).
std::string to_text(const ProcessId& process);
ProcessId process_from_text(std::string_view text);

}  // namespace espalier::base
