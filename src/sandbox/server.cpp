#include "sandbox/server.hpp"

#include <execinfo.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstring>
#include <limits>

#include "espalier/base/clock.hpp"
#include "sandbox/child.hpp"
#include "sandbox/descendants.hpp"
#include "sandbox/descriptor.hpp"
#include "sandbox/messages.hpp"
#include "sandbox/output_log.hpp"
#include "sandbox/scratch.hpp"

namespace espalier::sandbox {

namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr double kStopGrace = 3;  // less than the farm's 4 s, so that a child that does not listen is gone before its rank leaves

constexpr int caller_has_gone = SIGUSR2;

void wake_up(int) {}

sigset_t no_signals() {
  sigset_t none;
  sigemptyset(&none);
  return none;
}

/// In its own process group, so that a terminal's Ctrl-C and mpirun's signals to the rank's group do not hit it before it has cleaned up.
void settle_down(pid_t caller) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  ::prctl(PR_SET_NAME, "espalier-sandbo");
  struct sigaction action {};
  sigemptyset(&action.sa_mask);
  action.sa_handler = SIG_IGN;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGPIPE, SIGXFSZ}) ::sigaction(signal, &action, nullptr);
  action.sa_handler = wake_up;
  sigset_t blocked;  // but while we wait
  sigemptyset(&blocked);
  for (const int signal : {SIGCHLD, caller_has_gone}) {
    ::sigaction(signal, &action, nullptr);
    sigaddset(&blocked, signal);
  }
  ::sigprocmask(SIG_SETMASK, &blocked, nullptr);
  // The end of the control socket says the same, unless a process that the caller has started holds a copy of its other end.
  ::prctl(PR_SET_PDEATHSIG, caller_has_gone);
  void* frame = nullptr;
  ::backtrace(&frame, 1);  // loads a library, which a crashing child must not do
  if (::getppid() != caller) ::_exit(0);
}

double seconds_of(const timeval& t) { return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec); }

class Server {
 public:
  Server(const Work& work, int control, int results, pid_t caller, Scratch& scratch)
      : work_(work), control_(control), results_(results), caller_(caller), scratch_(scratch) {}

  [[noreturn]] void loop() {
    while (true) {
      while (const auto frame = reader_.next())
        if (frame->head.tag == Tag::start) run(*frame);
      pollfd wanted{control_, POLLIN, 0};
      const sigset_t none = no_signals();
      if (::ppoll(&wanted, 1, nullptr, &none) > 0) read_control();
      look_for_caller();
    }
  }

 private:
  /// What is known of the child that runs.
  struct Job {
    std::uint64_t number = 0;
    task::ResourceLimits limits;
    pid_t pid = -1;
    double soft = kNever;  // on the stopwatch
    double hard = kNever;
    Killed reason = Killed::time;  // if it comes to that
    Ended ended;
  };

  void read_control() {
    if (reader_.read(control_) != FrameReader::Status::more) leave();
  }

  void look_for_caller() {
    if (::getppid() != caller_) leave();
  }

  /// The caller is gone.
  [[noreturn]] void leave() {
    rusage ignored{};
    kill_all_children(ignored);
    scratch_.remove();
    ::_exit(0);
  }

  void run(const Frame& frame) {
    StartHead head;
    std::memcpy(&head, frame.body.data(), sizeof head);
    const std::string_view rest = std::string_view(frame.body).substr(sizeof head);
    const std::string_view request = rest.substr(head.log_size);
    try {
      if (work_.prepare) work_.prepare(request);
    } catch (...) {  // the child meets it again
    }
    OutputLog log{std::filesystem::path(rest.substr(0, head.log_size))};
    Job job{.number = frame.head.job, .limits = head.limits};
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return refuse(job);
    const Descriptor reader(ends[0]);
    Descriptor writer(ends[1]);
    ::fcntl(reader.get(), F_SETFL, O_NONBLOCK);
    scratch_.provide();
    const long memory_kills = kernel_memory_kills();
    job.ended.start_memory_mib = resident_mib();
    const base::Stopwatch watch;
    job.pid = ::fork();
    if (job.pid < 0) return refuse(job);
    if (job.pid == 0)
      be_child(work_, {.number = job.number,
                       .request = request,
                       .limits = job.limits,
                       .output = writer.get(),
                       .results = results_,
                       .server = server_,
                       .scratch = &scratch_});
    ::setpgid(job.pid, job.pid);  // also here: a signal to the group must not come before the child has made it
    writer.reset();
    if (job.limits.wall_seconds > 0) {
      job.soft = job.limits.wall_seconds + 0.4 * grace_seconds(job.limits);
      job.hard = job.limits.wall_seconds + grace_seconds(job.limits);
    }
    watch_over(job, watch, reader.get(), log);
    clean_up(job, watch, reader.get(), log);
    scratch_.empty();
    job.ended.system_out_of_memory = kernel_memory_kills() != memory_kills;
    write_frame(control_, Tag::ended, job.number, bytes_of(job.ended));
  }

  void refuse(Job& job) const {
    job.ended.fork_error = errno;
    write_frame(control_, Tag::ended, job.number, bytes_of(job.ended));
  }

  /// Until the child has ended; it stays a zombie, so that its process group keeps its number.
  void watch_over(Job& job, const base::Stopwatch& watch, int output, OutputLog& log) {
    const sigset_t none = no_signals();
    std::array<pollfd, 2> wanted{pollfd{control_, POLLIN, 0}, pollfd{output, POLLIN, 0}};
    while (!has_ended(job.pid)) {
      const double next = std::min(job.soft, job.hard);
      const double wait = next == kNever ? 3600 : std::clamp(next - watch.wall_seconds(), 0.0, 3600.0);
      const timespec timeout{static_cast<time_t>(wait), static_cast<long>(1e9 * (wait - std::floor(wait)))};
      if (::ppoll(wanted.data(), wanted.size(), &timeout, &none) < 0) wanted[0].revents = wanted[1].revents = 0;  // a signal
      look_for_caller();
      if (wanted[0].revents != 0) take_messages(job, watch.wall_seconds());
      if (wanted[1].revents != 0 && log.drain(output) == OutputLog::Pipe::closed) wanted[1].fd = -1;
      keep_limits(job, watch.wall_seconds());
    }
  }

  static bool has_ended(pid_t child) {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == child;
  }

  void take_messages(Job& job, double now) {
    read_control();
    while (const auto frame = reader_.next()) {
      if (frame->head.tag != Tag::stop || frame->head.job != job.number) continue;  // for an earlier child, which ended meanwhile
      ::kill(job.pid, stop_by_caller);
      if (now + kStopGrace < job.hard) {
        job.hard = now + kStopGrace;
        job.reason = Killed::stop;
      }
    }
  }

  static void keep_limits(Job& job, double now) {
    if (now >= job.soft) {
      ::kill(job.pid, stop_for_time);
      job.soft = kNever;
    }
    if (now >= job.hard) {
      ::kill(-job.pid, SIGKILL);
      job.ended.killed = job.reason;
      job.hard = kNever;
    }
  }

  /// The child has ended: so must all that it started. Then nobody can print or send any more.
  static void clean_up(Job& job, const base::Stopwatch& watch, int output, OutputLog& log) {
    ::kill(-job.pid, SIGKILL);
    rusage usage{};
    while (::wait4(job.pid, &job.ended.wait_status, 0, &usage) < 0 && errno == EINTR) {
    }
    job.ended.wall_seconds = watch.wall_seconds();
    kill_all_children(usage);
    while (log.drain(output) == OutputLog::Pipe::more) {
    }
    job.ended.has_log = log.finish();
    job.ended.cpu_seconds = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
    job.ended.peak_memory_mib = static_cast<double>(usage.ru_maxrss) / 1024;
  }

  const Work& work_;
  int control_;
  int results_;
  pid_t caller_;
  pid_t server_ = ::getpid();
  FrameReader reader_;
  Scratch& scratch_;
};

}  // namespace

void serve(const Work& work, int control, int results, pid_t caller, Scratch& scratch) {
  settle_down(caller);
  try {
    Server(work, control, results, caller, scratch).loop();
  } catch (...) {  // the caller sees that we are gone
    scratch.remove();
    ::_exit(1);
  }
}

}  // namespace espalier::sandbox
