// Runs work in a process of its own, under limits, so that a crash, a hang or a flood of memory costs that piece of work only.
//
// A fork server is forked from this process while it is young: before MPI_Init, before any thread. It forks one child per piece of work,
// watches it, kills it with everything it started, and reports. The chain holds downwards: when this process dies, however it dies, the
// server kills its child and ends; when the server dies, so does the child. Work that says that it leaves its process as it found it may
// run where such work has run before: a child then serves several pieces, one after the other.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "espalier/base/error.hpp"
#include "espalier/task/task.hpp"

namespace espalier::sandbox {

/// What the work may ask and say while it runs in its child.
struct Inside {
  std::function<bool()> stop_requested;             ///< by the caller of run(), or because a limit was reached
  std::function<std::string_view()> limit_reached;  ///< "time" or "cpu"; empty if none was
  std::function<void(std::string_view)> publish;    ///< a partial result; the last one survives the child's death
};

struct Work {
  /// In the child; what it returns is the result.
  std::function<std::string(std::string_view request, const Inside& inside)> run;
  /// In the server, before each fork: fills caches that the children share; may be empty. What it throws is dropped; if it crashes, the
  /// server is lost.
  std::function<void(std::string_view request)> prepare = {};
};

enum class End {
  finished,  ///< there is a result
  stopped,   ///< killed because it did not end in time after stop_requested() had become true
  time,      ///< killed because of its wall time
  cpu,       ///< killed because of its CPU time
  memory,    ///< an allocation failed under its limit, or the system killed it for memory
  crashed,   ///< ended by a signal, by an exit code or by an exception
  refused,   ///< the system gave no process
};
std::string_view to_string(End end);

struct Report {
  End end = End::crashed;
  std::string result;                  ///< of a finished one
  std::optional<std::string> partial;  ///< the last one published
  std::string message;                 ///< in words, naming signal, exit code or limit; empty when finished
  std::filesystem::path log;           ///< what it and its descendants printed; empty: nothing
  double wall_seconds = 0;
  double cpu_seconds = 0;      ///< with its descendants
  double peak_memory_mib = 0;  ///< largest resident set, pages shared with the server included
};

/// Which process a piece of work may run in.
enum class Process {
  own,     ///< a new one, in which nothing else runs
  shared,  ///< also one that such work has left as it found it
};

/// The server is gone (somebody killed it): nothing can be run here any more.
class ServerLost : public base::Error {
 public:
  using Error::Error;
};

class Sandbox {
 public:
  /// Forks the server. The process should have one thread and no open files that a child must not see. Throws Error(io) if it cannot.
  explicit Sandbox(const Work& work);
  ~Sandbox();
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  /// Runs the work in a child. `log` is replaced by what the child prints, at most its first MiB and its last 64 KiB; there is no such
  /// file if it prints nothing. `stop_requested` is polled every 20 ms.
  ///
  /// Limits: at wall_seconds + 0.4 grace_seconds, at cpu_seconds, or when stop_requested() is true, Inside::stop_requested() becomes true.
  /// SIGKILL comes at wall_seconds + grace_seconds, at cpu_seconds + grace_seconds of CPU time, and 3 s after stop_requested(). No
  /// file may grow beyond 1 GiB. Under AddressSanitizer there is no limit of memory, because it reserves terabytes of address space.
  ///
  /// A shared process serves at most 64 runs, all with the same limit of memory, which counts from its first one. It ends after a run
  /// without a result, one that was asked to stop, one that left a process behind, and one that needed 64 MiB more than it started with.
  /// Work that dies in a process in which other work has run starts again in a new one, so that none suffers from another. A limit of CPU
  /// time makes every process an own one: the kernel counts by process.
  ///
  /// Throws ServerLost; a request larger than 1 GiB is Error(internal).
  Report run(std::string_view request, const task::ResourceLimits& limits, const std::filesystem::path& log,
             const std::function<bool()>& stop_requested, Process process = Process::own);

  /// Process number of the server (tests).
  int server() const;

 private:
  struct Connection;
  std::unique_ptr<Connection> connection_;
};

/// max(5 s, 5 % of wall_seconds) unless one is given.
double grace_seconds(const task::ResourceLimits& limits);

}  // namespace espalier::sandbox
