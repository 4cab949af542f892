#include "sandbox/child.hpp"

#include <execinfo.h>
#include <fcntl.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <new>

#include "sandbox/descendants.hpp"
#include "sandbox/descriptor.hpp"
#include "sandbox/messages.hpp"

namespace espalier::sandbox {

namespace {

constexpr rlim_t kLargestFile = rlim_t{1} << 30;

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
  set_limit(RLIMIT_FSIZE, kLargestFile, kLargestFile);
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

/// When the machine runs out of memory, the kernel should choose the solve and not a rank.
void offer_to_the_memory_killer() {
  const int file = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  [[maybe_unused]] const auto written = ::write(file, "1000", 4);
  ::close(file);
}

/// Nothing is left open but standard input (empty, as the server's), output and error (the log), the log again and the pipe for results.
void set_descriptors(const ChildJob& job) {
  results_pipe = job.results;
  log_pipe = job.output;
  ::dup2(job.output, STDOUT_FILENO);
  ::dup2(job.output, STDERR_FILENO);
  close_others(results_pipe, log_pipe);
  // A program that the work starts must not be able to write there.
  for (const int pipe : {results_pipe, log_pipe}) ::fcntl(pipe, F_SETFD, FD_CLOEXEC);
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
  job_number = job.number;
  std::set_new_handler(out_of_memory);

  const auto limit = [] { return std::string_view(asked_for_time != 0 ? "time" : asked_for_cpu != 0 ? "cpu" : ""); };
  const Inside inside{.stop_requested = [] { return asked_for_time != 0 || asked_for_cpu != 0 || asked_by_caller != 0; },
                      .limit_reached = limit,
                      .publish = [&](std::string_view bytes) { write_frame(results_pipe, Tag::partial, job.number, bytes); }};
  int code = 0;
  try {
    write_frame(results_pipe, Tag::result, job.number, work.run(job.request, inside));
  } catch (const std::bad_alloc&) {  // not from operator new, which ends in out_of_memory()
    out_of_memory();
  } catch (const std::exception& e) {
    write_frame(results_pipe, Tag::threw, job.number, e.what());
    code = 1;
  } catch (...) {
    write_frame(results_pipe, Tag::threw, job.number, "something that is no std::exception was thrown");
    code = 1;
  }
  std::cout.flush();
  std::fflush(nullptr);
  ::_exit(code);  // no destructors and no handlers of the process that we were forked from
}

}  // namespace espalier::sandbox
