// The messages between master and workers. Bytes: an attempt or outcome in task's encoding, an attempt id as 8 bytes, or a hello.
#pragma once
#include <string>
#include <string_view>

#include "espalier/base/ids.hpp"
#include "espalier/base/process.hpp"

namespace espalier::farm {

enum class Tag : int {
  // worker to master
  hello = 1,  ///< Hello
  outcome,    ///< task::Outcome
  returned,   ///< attempt id: not begun, or stopped
  retire,     ///< sends no more work, please
  bye,        ///< no more outcomes
  // both ways
  alive,  ///< said when nothing else was said for a while
  // master to worker
  welcome,    ///< ProcessId of the master; nothing else may come for minutes, while it plans
  directory,  ///< DirectoryNotice: a worker says hello once it has looked there
  assign,     ///< task::Attempt
  cancel,     ///< attempt id
  stop,       ///< give back what has not begun, ask the running stage to stop
  leave,      ///< stop, say bye
  end,        ///< End: leave the process
};

/// A worker's first message.
struct Hello {
  std::string build;  ///< of its program; encodings are only the same within one build
  std::string host;
  std::string refusal;  ///< why it cannot work; empty if it can
  base::ProcessId process = {};
  bool sees_directory = true;  ///< false: that is the refusal
};

/// Where the master's output directory is, and how to know that it is the same one.
struct DirectoryNotice {
  std::string path;   ///< absolute, on the master's host
  std::string token;  ///< of its lock (store::find_lock); empty: any directory will do
};

/// How ranks leave. Orderly: by MPI_Finalize, all together. Otherwise at once, with this exit code, because a rank is missing or busy.
struct End {
  bool orderly = true;
  int exit_code = 0;
};

/// Version, commit, compiler, build type and architecture of this program.
std::string build_id();

std::string encode(const Hello& hello);
std::string encode(const DirectoryNotice& notice);
std::string encode(base::AttemptId id);
std::string encode(const End& end);
/// Throw Error(data).
Hello decode_hello(std::string_view bytes);
DirectoryNotice decode_directory(std::string_view bytes);
base::AttemptId decode_attempt_id(std::string_view bytes);
End decode_end(std::string_view bytes);

}  // namespace espalier::farm
