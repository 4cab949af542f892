#include "sandbox/child.hpp"

#include <execinfo.h>
#include <fcntl.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <new>

#include "sandbox/close_others.hpp"
#include "sandbox/descendants.hpp"
#include "sandbox/messages.hpp"

namespace espalier::sandbox {

namespace {

constexpr rlim_t largest_file_bytes = rlim_t{1} << 30;
constexpr int most_runs = 64;
constexpr double most_growth = 64;  // MiB

// Set once, before there is anybody who uses them.
int results_pipe = -1;
int log_pipe = -1;  // a solver may send standard output and error elsewhere

// Signal handlers touch nothing else.
volatile std::sig_atomic_t asked_for_time = 0;
volatile std::sig_atomic_t asked_for_cpu = 0;
volatile std::sig_atomic_t asked_by_caller = 0;

void on_signal(int signal) {
  if (signal == stop_for_time) asked_for_time = 1;
  if (signal == SIGXCPU) asked_for_cpu = 1;
  if (signal == stop_by_caller || signal == SIGTERM || signal == SIGINT || signal == SIGHUP) asked_by_caller = 1;
}

/// Where it happened goes to the log; then the signal does what it does by default.
void on_crash(int signal) {
  constexpr std::string_view text = "stack at the signal that ended the process:\n";
  [[maybe_unused]] const auto written = ::write(log_pipe, text.data(), text.size());
  std::array<void*, 64> frames{};
  ::backtrace_symbols_fd(frames.data(), ::backtrace(frames.data(), static_cast<int>(frames.size())), log_pipe);
  ::raise(signal);
}

/// Also for a stack that has no room left.
void report_crashes() {
  static std::array<char, 65536> space;
  const stack_t stack{.ss_sp = space.data(), .ss_flags = 0, .ss_size = space.size()};
  ::sigaltstack(&stack, nullptr);
  struct sigaction action {};
  action.sa_handler = on_crash;
  action.sa_flags = static_cast<int>(SA_ONSTACK | SA_RESETHAND | SA_NODEFER);
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) ::sigaction(signal, &action, nullptr);
}

std::uint64_t job_number = 0;  // for out_of_memory(), which gets no argument

/// The first allocation that fails ends the child: libraries of C and C++ seldom survive one, and what they would do instead is a crash.
[[noreturn]] void out_of_memory() {
  write_frame(results_pipe, Tag::exhausted, job_number, "");
  ::_exit(1);
}

void reset_signals() {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  sigemptyset(&action.sa_mask);
  for (int signal = 1; signal < SIGRTMIN; ++signal) ::sigaction(signal, &action, nullptr);  // refused for SIGKILL and SIGSTOP
  action.sa_flags = SA_RESTART;
  action.sa_handler = on_signal;
  // A batch system that cancels a job sends SIGTERM to all its processes at once: no crash, and the caller has been told as well.
  for (const int signal : {stop_for_time, SIGXCPU, stop_by_caller, SIGTERM, SIGINT, SIGHUP}) ::sigaction(signal, &action, nullptr);
  action.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &action, nullptr);  // a caller that is gone: the server ends us
  ::sigaction(SIGXFSZ, &action, nullptr);  // an error of the write, as on a full disk
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void set_limit(int resource, rlim_t soft, rlim_t hard) {
  rlimit now{};
  if (::getrlimit(static_cast<__rlimit_resource_t>(resource), &now) != 0) return;
  const rlimit wanted{std::min(soft, now.rlim_max), std::min(hard, now.rlim_max)};  // a site's own limits may be tighter
  ::setrlimit(static_cast<__rlimit_resource_t>(resource), &wanted);
}

/// Rounded up; what is beyond every machine is no limit, and no overflow either.
rlim_t whole(double amount) { return amount < 0x1p61 ? static_cast<rlim_t>(std::ceil(amount)) : rlim_t{1} << 61; }

void set_limits(const task::ResourceLimits& limits) {
  set_limit(RLIMIT_CORE, 0, 0);
  set_limit(RLIMIT_FSIZE, largest_file_bytes, largest_file_bytes);
  if (limits.cpu_seconds > 0) {
    const rlim_t soft = whole(limits.cpu_seconds);
    set_limit(RLIMIT_CPU, soft, soft + whole(grace_seconds(limits)));
  }
#ifndef __SANITIZE_ADDRESS__
  if (limits.memory_mib > 0) {
    const rlim_t bytes = whole(limits.memory_mib * (1 << 20)) + address_space_bytes();
    set_limit(RLIMIT_AS, bytes, bytes);
  }
#endif
}

/// What is freed stays with the process, which ends soon. Pages that are given back and asked for anew are cleared by the kernel each time:
/// a sixth of the CPU time of a search that works on large matrices (bench/profile.sh).
void keep_freed_memory() {
  ::mallopt(M_MMAP_THRESHOLD, 32 << 20);  // the largest there is
  ::mallopt(M_TRIM_THRESHOLD, 256 << 20);
}

void write_own_file(const char* path, std::string_view text) {
  const int file = ::open(path, O_WRONLY | O_CLOEXEC);
  [[maybe_unused]] const auto written = ::write(file, text.data(), text.size());
  ::close(file);
}

/// When the machine runs out of memory, the kernel should choose the solve and not a rank.
void offer_to_the_memory_killer() { write_own_file("/proc/self/oom_score_adj", "1000"); }

/// Nothing is left open but standard input (empty, as the server's), output and error (the log), the log again, the pipe for results, and
/// what a shared process talks to the server over.
void set_descriptors(const ChildJob& job) {
  results_pipe = job.results;
  log_pipe = job.output;
  ::dup2(job.output, STDOUT_FILENO);
  ::dup2(job.output, STDERR_FILENO);
  close_others({results_pipe, log_pipe, job.talk});
  // A program that the work starts must not be able to write there.
  for (const int pipe : {results_pipe, log_pipe, job.talk}) ::fcntl(pipe, F_SETFD, FD_CLOEXEC);
}

bool asked_to_stop() { return asked_for_time != 0 || asked_for_cpu != 0 || asked_by_caller != 0; }

/// True if there is a result.
bool run_once(const Work& work, std::uint64_t number, std::string_view request) {
  job_number = number;
  const auto limit = [] { return std::string_view(asked_for_time != 0 ? "time" : asked_for_cpu != 0 ? "cpu" : ""); };
  const Inside inside{.stop_requested = asked_to_stop, .limit_reached = limit, .publish = [number](std::string_view bytes) {
                        write_frame(results_pipe, Tag::partial, number, bytes);
                      }};
  bool done = false;
  try {
    write_frame(results_pipe, Tag::result, number, work.run(request, inside));
    done = true;
  } catch (const std::bad_alloc&) {  // not from operator new, which ends in out_of_memory()
    out_of_memory();
  } catch (const std::exception& e) {
    write_frame(results_pipe, Tag::threw, number, e.what());
  } catch (...) {
    write_frame(results_pipe, Tag::threw, number, "something that is no std::exception was thrown");
  }
  std::cout.flush();
  std::fflush(nullptr);
  return done;
}

double peak_memory_mib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

bool has_child_process() { return ::waitpid(-1, nullptr, WNOHANG) >= 0 || errno != ECHILD; }

/// The server ends it, when it has no more work or no more trust.
Frame wait_for_next(FrameReader& reader, int talk) {
  while (true) {
    if (auto frame = reader.next()) return std::move(*frame);
    if (reader.read(talk) != FrameReader::Status::more) ::_exit(0);
  }
}

/// Further work in the process, as long as it is as it was before.
void serve_on(const Work& work, const ChildJob& job, double start_memory_mib) {
  FrameReader reader;
  for (int runs = 1; runs < most_runs && !asked_to_stop() && !has_child_process(); ++runs) {
    const Rest rest{.peak_memory_mib = peak_memory_mib()};
    if (rest.peak_memory_mib > start_memory_mib + most_growth) return;
    write_frame(job.talk, Tag::rests, job_number, bytes_of(rest));
    const Frame frame = wait_for_next(reader, job.talk);
    for (volatile std::sig_atomic_t* asked : {&asked_for_time, &asked_for_cpu, &asked_by_caller}) *asked = 0;
    write_own_file("/proc/self/clear_refs", "5");  // the peak of memory counts from here
    if (!run_once(work, frame.head.job, frame.body)) ::_exit(1);
  }
}

}  // namespace

void be_child(const Work& work, const ChildJob& job) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != job.server) ::_exit(1);  // it died before the line above
  set_descriptors(job);
  reset_signals();
  report_crashes();
  offer_to_the_memory_killer();
  set_limits(job.limits);
  keep_freed_memory();
  job.scratch->use();
  std::set_new_handler(out_of_memory);
  const double start_memory_mib = peak_memory_mib();
  const bool done = run_once(work, job.number, job.request);
  if (done && job.talk >= 0) serve_on(work, job, start_memory_mib);
  ::_exit(done ? 0 : 1);  // no destructors and no handlers of the process that we were forked from
}

}  // namespace espalier::sandbox
