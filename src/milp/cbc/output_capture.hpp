// Keeps what Cbc prints out of the program's own output.
#pragma once
#include <filesystem>

namespace espalier::milp {

/// Points the file descriptors 1 and 2 of the process to a file (or /dev/null) from construction to destruction. Message handlers are not
/// enough: Cbc, Clp and Cgl print to stdout at any log level (https://github.com/coin-or/Cbc/issues/533). Under MPI the descriptors are
/// pipes to the launcher; they are duplicated and put back, never closed.
class OutputCapture {
 public:
  /// Appends to `file`; empty: the output is dropped. Throws Error(io) naming the file.
  explicit OutputCapture(const std::filesystem::path& file);
  ~OutputCapture();
  OutputCapture(const OutputCapture&) = delete;
  OutputCapture& operator=(const OutputCapture&) = delete;

  /// The program's own output is back while one of these lives: the caller's callback may print.
  class Pause {
   public:
    explicit Pause(OutputCapture& capture) : capture_(capture) { capture_.release(); }
    ~Pause() { capture_.redirect(); }
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

   private:
    OutputCapture& capture_;
  };

 private:
  void redirect() noexcept;
  void release() noexcept;

  int target_ = -1;
  int saved_stdout_ = -1;
  int saved_stderr_ = -1;
};

}  // namespace espalier::milp
