#include "sandbox/server.hpp"

#include <execinfo.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstring>
#include <ctime>
#include <limits>
#include <optional>

#include "espalier/base/clock.hpp"
#include "espalier/base/descriptor.hpp"
#include "sandbox/child.hpp"
#include "sandbox/descendants.hpp"
#include "sandbox/messages.hpp"
#include "sandbox/output_log.hpp"
#include "sandbox/scratch.hpp"

namespace espalier::sandbox {

namespace {

constexpr std::size_t fits_a_socket = 65536;  // a child that has stopped must not make the server wait
constexpr double unlimited_seconds = std::numeric_limits<double>::infinity();
constexpr double stop_grace = 3;  // less than the farm's 4 s, so that a child that does not listen is gone before its rank leaves

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
  /// What is asked for.
  struct Order {
    std::uint64_t number = 0;
    bool second_try = false;
    StartHead head;
    std::filesystem::path log;
    std::string_view request;
  };

  /// A process for work; a shared one stays after its run.
  struct Child {
    pid_t pid = -1;
    base::Descriptor output;  ///< what it prints
    base::Descriptor talk;    ///< of a shared one
    FrameReader said;         ///< through talk
    double memory_limit_mib = 0;
    double start_memory_mib = 0;
    long memory_kills = 0;  ///< of the system, before it began
    bool used = false;      ///< it has rested
  };

  /// What is known of the run that goes on.
  struct Job {
    std::uint64_t number = 0;
    std::uint64_t number_for_child = 0;
    task::ResourceLimits limits;
    double soft = unlimited_seconds;  // on the stopwatch
    double hard = unlimited_seconds;
    Killed reason = Killed::time;  // if it comes to that
    bool signalled = false;        ///< a signal may reach the child later, whatever it does then
    std::optional<Rest> rest;
    double cpu_before = 0;  ///< of the child
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
    Order order{.number = frame.head.job, .head = {}, .log = {}, .request = {}};
    std::memcpy(&order.head, frame.body.data(), sizeof order.head);
    const std::string_view rest = std::string_view(frame.body).substr(sizeof order.head);
    order.log = rest.substr(0, order.head.log_size);
    order.request = rest.substr(order.head.log_size);
    scratch_.provide();
    if (may_serve(order)) {
      if (carry_out(order)) return;
      order.second_try = true;
    }
    retire();
    try {
      if (work_.prepare) work_.prepare(order.request);
    } catch (...) {  // the child meets it again
    }
    if (start_child(order)) {
      carry_out(order);
    } else {
      const Ended ended{.fork_error = errno};
      write_frame(control_, Tag::ended, order.number, bytes_of(ended));
    }
  }

  /// There is a child that rests, and this is work for it.
  bool may_serve(const Order& order) const {
    const auto& [limits, log_size, shared, doubt] = order.head;
    return child_ && shared && !doubt && limits.cpu_seconds == 0 && limits.memory_mib == child_->memory_limit_mib &&
           order.request.size() < fits_a_socket && !has_ended(child_->pid);
  }

  /// Ends the child that rests, if there is one.
  void retire() {
    if (!child_) return;
    Job ignored;
    OutputLog none{std::filesystem::path()};
    clean_up(ignored, base::Stopwatch(), none);
  }

  static std::uint64_t number_for_child(const Order& order) { return order.number | (order.second_try ? second_try : 0); }

  bool start_child(const Order& order) {
    std::array<int, 2> ends{}, sockets{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
    Child child{.output = base::Descriptor(ends[0]), .memory_limit_mib = order.head.limits.memory_mib, .start_memory_mib = resident_mib()};
    const base::Descriptor writer(ends[1]);
    ::fcntl(child.output.get(), F_SETFL, O_NONBLOCK);
    const bool shared = order.head.shared && order.head.limits.cpu_seconds == 0;
    if (shared && ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets.data()) != 0) return false;
    child.talk.reset(sockets[0]);
    const base::Descriptor talk(sockets[1]);
    child.memory_kills = kernel_memory_kills();
    child.pid = ::fork();
    if (child.pid < 0) return false;
    if (child.pid == 0)
      be_child(work_, {.number = number_for_child(order),
                       .request = order.request,
                       .limits = order.head.limits,
                       .output = writer.get(),
                       .results = results_,
                       .talk = talk.get(),
                       .server = server_,
                       .scratch = &scratch_});
    ::setpgid(child.pid, child.pid);  // also here: a signal to the group must not come before the child has made it
    child_.emplace(std::move(child));
    return true;
  }

  /// In the child, which is new or rests. False: it died, and not by this work alone; nothing has been said of it.
  bool carry_out(const Order& order) {
    const base::Stopwatch watch;
    OutputLog log{order.log};
    Job job{.number = order.number, .number_for_child = number_for_child(order), .limits = order.head.limits};
    job.ended.second_try = order.second_try;
    job.ended.start_memory_mib = child_->start_memory_mib;
    const bool used = child_->used;
    if (job.limits.wall_seconds > 0) {
      job.soft = job.limits.wall_seconds + 0.4 * grace_seconds(job.limits);
      job.hard = job.limits.wall_seconds + grace_seconds(job.limits);
    }
    if (used) {
      job.cpu_before = cpu_seconds();
      write_frame(child_->talk.get(), Tag::next, order.number, order.request);  // if it has just died: we shall see
    }
    watch_over(job, watch, log);
    if (job.rest && !job.signalled) {
      job.ended.wall_seconds = watch.wall_seconds();
      job.ended.cpu_seconds = cpu_seconds() - job.cpu_before;
      job.ended.peak_memory_mib = job.rest->peak_memory_mib;
      drain(log);
      child_->used = true;
    } else {
      clean_up(job, watch, log);
      const bool by_itself = !job.signalled && !(WIFEXITED(job.ended.wait_status) && WEXITSTATUS(job.ended.wait_status) == 0);
      if (used && by_itself) return false;
    }
    job.ended.has_log = log.finish();
    scratch_.empty();
    write_frame(control_, Tag::ended, job.number, bytes_of(job.ended));
    return true;
  }

  /// Of the child, while it lives.
  double cpu_seconds() const {
    clockid_t clock{};
    timespec time{};
    if (::clock_getcpuclockid(child_->pid, &clock) != 0 || ::clock_gettime(clock, &time) != 0) return 0;
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  }

  /// Until the child rests or has ended; then it stays a zombie, so that its process group keeps its number.
  void watch_over(Job& job, const base::Stopwatch& watch, OutputLog& log) {
    const sigset_t none = no_signals();
    std::array<pollfd, 3> wanted{pollfd{control_, POLLIN, 0}, pollfd{child_->output.get(), POLLIN, 0},
                                 pollfd{child_->talk.get(), POLLIN, 0}};
    obey(job, watch.wall_seconds());  // a stop may have been read together with the order
    while (!job.rest && !has_ended(child_->pid)) {
      const double next = std::min(job.soft, job.hard);
      const double wait = next == unlimited_seconds ? 3600 : std::clamp(next - watch.wall_seconds(), 0.0, 3600.0);
      const timespec timeout{static_cast<time_t>(wait), static_cast<long>(1e9 * (wait - std::floor(wait)))};
      if (::ppoll(wanted.data(), wanted.size(), &timeout, &none) < 0)  // a signal
        for (pollfd& one : wanted) one.revents = 0;
      look_for_caller();
      if (wanted[0].revents != 0) {
        read_control();
        obey(job, watch.wall_seconds());
      }
      if (wanted[1].revents != 0 && log.drain(child_->output.get()) == OutputLog::Pipe::closed) wanted[1].fd = -1;
      if (wanted[2].revents != 0 && !receive_from_child(job)) {
        wanted[2].fd = -1;
        child_->talk.reset();  // it ends with its run
      }
      keep_limits(job, watch.wall_seconds());
    }
  }

  /// False: it will say no more, or what it says is no message.
  bool receive_from_child(Job& job) {
    try {
      const bool more = child_->said.read(child_->talk.get()) == FrameReader::Status::more;
      while (const auto frame = child_->said.next()) {
        if (frame->head.tag != Tag::rests || frame->head.job != job.number_for_child || frame->body.size() != sizeof(Rest)) return false;
        std::memcpy(&job.rest.emplace(), frame->body.data(), sizeof(Rest));
      }
      return more;
    } catch (const base::Error&) {
      return false;
    }
  }

  static bool has_ended(pid_t child) {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == child;
  }

  void obey(Job& job, double now) {
    while (const auto frame = reader_.next()) {
      if (frame->head.tag != Tag::stop || frame->head.job != job.number) continue;  // for an earlier child, which ended meanwhile
      ::kill(child_->pid, stop_by_caller);
      job.signalled = true;
      if (now + stop_grace < job.hard) {
        job.hard = now + stop_grace;
        job.reason = Killed::stop;
      }
    }
  }

  void keep_limits(Job& job, double now) const {
    if (now >= job.soft) {
      ::kill(child_->pid, stop_for_time);
      job.soft = unlimited_seconds;
      job.signalled = true;
    }
    if (now >= job.hard) {
      ::kill(-child_->pid, SIGKILL);
      job.ended.killed = job.reason;
      job.hard = unlimited_seconds;
      job.signalled = true;
    }
  }

  /// The child has ended, or cannot be used again: so must all that it started. Then nobody can print or send any more.
  void clean_up(Job& job, const base::Stopwatch& watch, OutputLog& log) {
    ::kill(-child_->pid, SIGKILL);
    rusage usage{};
    while (::wait4(child_->pid, &job.ended.wait_status, 0, &usage) < 0 && errno == EINTR) {
    }
    job.ended.wall_seconds = watch.wall_seconds();
    kill_all_children(usage);
    drain(log);
    job.ended.system_out_of_memory = kernel_memory_kills() != child_->memory_kills;
    child_.reset();
    job.ended.cpu_seconds = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime) - job.cpu_before;
    job.ended.peak_memory_mib = static_cast<double>(usage.ru_maxrss) / 1024;
  }

  void drain(OutputLog& log) const {
    while (log.drain(child_->output.get()) == OutputLog::Pipe::more) {
    }
  }

  const Work& work_;
  int control_;
  int results_;
  pid_t caller_;
  pid_t server_ = ::getpid();
  FrameReader reader_;
  Scratch& scratch_;
  std::optional<Child> child_;
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
