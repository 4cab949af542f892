#include "milp/external/process.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <sstream>
#include <thread>

#include "espalier/base/clock.hpp"
#include "espalier/base/descriptor.hpp"
#include "espalier/base/error.hpp"

namespace espalier::milp {
namespace {

using base::ErrorKind;
using base::fail;

constexpr double stop_to_kill = 2.0;
constexpr rlim_t largest_file_bytes = rlim_t{1}
                                      << 26;  // 64 MiB: what a solver prints must not fill the disk, nor our memory when we read it
constexpr double term_to_caller = 1.0;

/// In the child, between fork and exec: only async-signal-safe calls. Reports errno through `error_pipe` if exec fails.
[[noreturn]] void become(char* const* argv, int output, int error_pipe, pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // setpgid takes us out of the group that mpirun kills
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int ignored : {SIGPIPE, SIGXFSZ}) ::signal(ignored, SIG_DFL);
  const rlimit largest_file{largest_file_bytes, largest_file_bytes};
  ::setrlimit(RLIMIT_FSIZE, &largest_file);
  const int null = ::open("/dev/null", O_RDONLY);
  if (null >= 0 && ::dup2(null, STDIN_FILENO) >= 0 && ::dup2(output, STDOUT_FILENO) >= 0 && ::dup2(output, STDERR_FILENO) >= 0 &&
      ::getppid() == parent)
    ::execvp(argv[0], argv);
  const int error = errno;
  [[maybe_unused]] const auto written = ::write(error_pipe, &error, sizeof error);
  ::_exit(127);
}

/// Starts the program; throws if exec failed.
pid_t start(const std::vector<std::string>& words, int output) {
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail(ErrorKind::io, "cannot make a pipe: {}", std::strerror(errno));
  base::Descriptor reader(ends[0]), writer(ends[1]);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) fail(ErrorKind::solver, "cannot start '{}': fork: {}", words[0], std::strerror(errno));
  if (child == 0) become(argv.data(), output, writer.get(), parent);
  ::setpgid(child, child);  // also here: a signal to the group must not come before the child has made it
  writer.reset();
  int error = 0;
  ssize_t got = 0;
  do got = ::read(reader.get(), &error, sizeof error);
  while (got < 0 && errno == EINTR);
  if (got == sizeof error) {
    ::waitpid(child, nullptr, 0);
    fail(ErrorKind::solver, "cannot start '{}': {}", words[0], std::strerror(error));
  }
  return child;
}

/// True once the child has ended; it stays a zombie, so that its process group keeps its number.
bool ended(pid_t child) {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == child;
}

bool wait_until(pid_t child, const std::function<bool()>& give_up) {
  double pause = 1e-3;
  while (!ended(child)) {
    if (give_up()) return false;
    std::this_thread::sleep_for(base::Seconds(pause));
    pause = std::min(2 * pause, 0.02);
  }
  return true;
}

/// A batch system that cancels a job sends SIGTERM to all its processes, and the caller may hear of it a moment after the solver.
bool becomes_true(const std::function<bool()>& stop_wanted) {
  const base::Stopwatch watch;
  while (!stop_wanted()) {
    if (watch.wall_seconds() >= term_to_caller) return false;
    std::this_thread::sleep_for(base::Seconds(0.01));
  }
  return true;
}

}  // namespace

std::vector<std::string> split_command(const std::string& command) {
  std::vector<std::string> words;
  bool in_word = false;
  char quote = 0;
  for (std::size_t i = 0; i < command.size(); ++i) {
    const char c = command[i];
    const bool blank = c == ' ' || c == '\t' || c == '\n';
    if (quote == 0 && blank) {
      in_word = false;
      continue;
    }
    if (!in_word) words.emplace_back();
    in_word = true;
    const char next = i + 1 < command.size() ? command[i + 1] : 0;
    if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
    } else if (c == quote) {
      quote = 0;
    } else if (c == '\\' && next != 0 && (quote == 0 || (quote == '"' && (next == '"' || next == '\\')))) {
      words.back() += next;
      ++i;
    } else {
      words.back() += c;
    }
  }
  if (quote != 0) fail(ErrorKind::configuration, "the command line '{}' has an opening {} without a closing one", command, quote);
  return words;
}

bool is_program(const std::string& word) {
  namespace fs = std::filesystem;
  const auto executable = [](const fs::path& path) {
    std::error_code ignored;
    return fs::is_regular_file(path, ignored) && ::access(path.c_str(), X_OK) == 0;
  };
  if (word.find('/') != std::string::npos) return executable(word);
  const char* path = ::getenv("PATH");
  std::istringstream folders(path == nullptr ? "/bin:/usr/bin" : path);  // execvp's own default
  for (std::string folder; std::getline(folders, folder, ':');)
    if (executable(fs::path(folder.empty() ? "." : folder) / word)) return true;
  return false;
}

ProcessResult run_process(const std::vector<std::string>& argv, const std::filesystem::path& output, const ProcessLimits& limits,
                          const std::function<bool()>& stop_wanted) {
  base::Descriptor file(::open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (file.get() < 0) fail(ErrorKind::io, "cannot open '{}' for the solver's output: {}", output.string(), std::strerror(errno));
  const base::Stopwatch watch;
  const pid_t child = start(argv, file.get());
  ProcessResult result;
  const bool by_itself = wait_until(child, [&] {
    result.stopped = stop_wanted();
    result.timed_out = !result.stopped && watch.wall_seconds() >= limits.seconds;
    return result.stopped || result.timed_out;
  });
  if (!by_itself) {
    const base::Stopwatch since_term;
    ::kill(-child, SIGTERM);
    const double patience = result.stopped ? stop_to_kill : limits.term_to_kill;
    wait_until(child, [&] { return since_term.wall_seconds() >= patience; });
  }
  ::kill(-child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
  if (by_itself && (result.signal == SIGTERM || result.exit_code == 128 + SIGTERM)) result.stopped = becomes_true(stop_wanted);
  return result;
}

}  // namespace espalier::milp
