// Runs another program under a wall clock limit, with everything it starts.
#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace espalier::milp {

struct ProcessResult {
  int exit_code = 0;       ///< meaningful if signal is 0
  int signal = 0;          ///< that ended the program, 0: none
  bool timed_out = false;  ///< we ended it because of the limit
  bool stopped = false;    ///< we ended it because `stop_wanted` said so
};

/// Splits a command line into words as a shell would, without anything else a shell does: blanks separate, '...' keeps everything,
/// "..." keeps everything but \" and \\, a backslash outside quotes keeps the next character. Throws Error(configuration) for an open
/// quote.
std::vector<std::string> split_command(const std::string& command);

struct ProcessLimits {
  double seconds = 0;         ///< then the group gets SIGTERM,
  double term_to_kill = 2.0;  ///< and so many seconds later SIGKILL; 2 s when `stop_wanted` says so
};

/// Whether run_process() can start it: an executable file in PATH or, with a '/' in the word, there.
bool is_program(const std::string& word);

/// Runs argv[0] (searched in PATH) with standard input from /dev/null, both outputs appended to `output`, in its own process group. After
/// limits.seconds it is ended; what the program left behind in its group when it ended is killed too, and the
/// program itself dies with the calling thread. Throws Error(solver) if it cannot be started, Error(io) if `output` cannot be opened.
ProcessResult run_process(const std::vector<std::string>& argv, const std::filesystem::path& output, const ProcessLimits& limits,
                          const std::function<bool()>& stop_wanted);

}  // namespace espalier::milp
