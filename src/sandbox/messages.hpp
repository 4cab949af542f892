// What the three processes say to each other: as bytes in memory, because they are one program. Caller and server talk over a socket; a
// child writes to the caller's pipe directly.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "espalier/task/task.hpp"

namespace espalier::sandbox {

enum class Tag : std::uint32_t {
  start,      ///< caller -> server: StartHead, the log's path, the request
  stop,       ///< caller -> server: ask the child to stop
  ended,      ///< server -> caller: Ended
  next,       ///< server -> shared child: the next request
  rests,      ///< shared child -> server: Rest; it has said its result and waits for the next request
  partial,    ///< child -> caller
  result,     ///< child -> caller
  exhausted,  ///< child -> caller: an allocation failed
  threw,      ///< child -> caller: what an exception said that left the work
};

struct FrameHead {
  std::uint32_t magic = 0x45535031;
  Tag tag = Tag::start;
  std::uint64_t job = 0;  ///< number of the run() it belongs to
  std::uint64_t size = 0;
  std::uint64_t checksum = 0;  ///< XXH3-64 of the body
};

struct StartHead {
  task::ResourceLimits limits;
  std::uint64_t log_size = 0;
  bool shared = false;  ///< the process may have served others and may serve others
  bool doubt = false;   ///< what the last child said was no message: no more work for it
};

/// Added to the number of a run, in what its second child says: the first one has died, and what it said does not count.
inline constexpr std::uint64_t second_try = std::uint64_t{1} << 63;

/// Why the server sent SIGKILL.
enum class Killed : std::uint32_t { no, time, stop };

struct Ended {
  Killed killed = Killed::no;
  int wait_status = 0;
  int fork_error = 0;  ///< errno; 0: there was a child
  bool second_try = false;
  bool has_log = false;
  bool system_out_of_memory = false;  ///< the kernel killed some process for memory in the meantime
  double wall_seconds = 0;
  double cpu_seconds = 0;
  double peak_memory_mib = 0;
  double start_memory_mib = 0;  ///< resident set of the server, with which the child began
};

struct Rest {
  double peak_memory_mib = 0;  ///< of this run
};

struct Frame {
  FrameHead head;
  std::string body;
};

template <class T>
std::string_view bytes_of(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

/// Writes all of it, or returns false (errno says why). A reader that is gone is no signal, but false.
bool write_frame(int socket_or_pipe, Tag tag, std::uint64_t job, std::string_view body);

/// Collects bytes until frames are complete.
class FrameReader {
 public:
  enum class Status { more, end, failed };
  /// Reads what there is. more: come again; end: nobody will write any more; failed: errno says why.
  Status read(int descriptor);
  /// The next complete frame. Throws Error(io) on bytes that are none.
  std::optional<Frame> next();
  void clear() { buffer_.clear(); }

 private:
  std::string buffer_;
};

}  // namespace espalier::sandbox
