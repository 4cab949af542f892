#include "espalier/sandbox/sandbox.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>

#include "espalier/base/descriptor.hpp"
#include "sandbox/close_others.hpp"
#include "sandbox/messages.hpp"
#include "sandbox/report.hpp"
#include "sandbox/scratch.hpp"
#include "sandbox/server.hpp"

namespace espalier::sandbox {

using base::ErrorKind;
using base::fail;

namespace {

constexpr int look_around_milliseconds = 20;
constexpr int pipe_bytes = 1 << 20;  // a result fits, so that a child need not wait for its caller

/// In the server: nothing that the program had open stays open, but standard error, for what prepare() logs.
[[noreturn]] void become_server(const Work& work, int control, int results, pid_t caller, Scratch& scratch) {
  close_others({control, results, -1});
  const int null = ::open("/dev/null", O_RDWR);
  if (null < 0) ::_exit(1);  // the caller hears that we are gone
  ::dup2(null, STDIN_FILENO);
  ::dup2(null, STDOUT_FILENO);
  ::close(null);
  serve(work, control, results, caller, scratch);
}

}  // namespace

std::string_view to_string(End end) {
  switch (end) {
    case End::finished:
      return "finished";
    case End::stopped:
      return "stopped";
    case End::time:
      return "time";
    case End::cpu:
      return "cpu";
    case End::memory:
      return "memory";
    case End::crashed:
      return "crashed";
    case End::refused:
      return "refused";
  }
  return "unknown";
}

double grace_seconds(const task::ResourceLimits& limits) {
  return limits.grace_seconds > 0 ? limits.grace_seconds : std::max(5.0, 0.05 * limits.wall_seconds);
}

struct Sandbox::Connection {
  pid_t server = -1;
  base::Descriptor control;
  base::Descriptor results;
  Scratch scratch;  ///< the server's: removed here, too, should it have been killed
  FrameReader from_server;
  FrameReader from_child;
  std::uint64_t job = 0;
  bool lost = false;
  bool doubt = false;  ///< the last child sent what is no message

  [[noreturn]] void lose() {
    lost = true;
    scratch.remove();
    throw ServerLost(ErrorKind::io,
                     fmt::format("the sandbox's server (process {}) is gone: no solve can be run in this process any more", server));
  }

  /// What the child has sent. `all`: it has ended, so what is in the pipe is all there will be.
  void receive(Said& said, bool all) {
    FrameReader::Status status = FrameReader::Status::more;
    do {
      errno = 0;
      status = from_child.read(results.get());
      try {
        while (auto frame = from_child.next()) take(*frame, said);
      } catch (const base::Error& e) {  // written by work gone wild
        said.failure = fmt::format("it sent damaged results: {}", e.what());
        from_child.clear();
      }
    } while (all && status == FrameReader::Status::more && errno != EAGAIN);
    if (all) from_child.clear();  // a frame that it did not complete
  }

  void take(Frame& frame, Said& said) const {
    if ((frame.head.job & ~second_try) != job) return;
    if (frame.head.job != job) said.start_again();
    if (frame.head.tag == Tag::partial) said.partial = std::move(frame.body);
    if (frame.head.tag == Tag::result) said.result = std::move(frame.body);
    if (frame.head.tag == Tag::threw) said.failure = "an exception left the work: " + frame.body;
    if (frame.head.tag == Tag::exhausted) said.exhausted = true;
  }

  Ended wait(Said& said, const std::function<bool()>& stop_requested) {
    bool asked = false;
    while (true) {
      std::array<pollfd, 2> wanted{pollfd{control.get(), POLLIN, 0}, pollfd{results.get(), POLLIN, 0}};
      if (::poll(wanted.data(), wanted.size(), look_around_milliseconds) < 0) wanted[0].revents = wanted[1].revents = 0;
      if (wanted[1].revents != 0) receive(said, false);
      if (wanted[0].revents != 0) {
        if (from_server.read(control.get()) != FrameReader::Status::more) lose();
        while (const auto frame = from_server.next()) {
          if (frame->head.job != job) continue;
          Ended ended;
          std::memcpy(&ended, frame->body.data(), sizeof ended);
          receive(said, true);
          if (ended.second_try) said.start_again();
          return ended;
        }
      }
      if (!asked && stop_requested && stop_requested()) {
        asked = true;
        if (!write_frame(control.get(), Tag::stop, job, "")) lose();
      }
    }
  }
};

Sandbox::Sandbox(const Work& work) : connection_(std::make_unique<Connection>()) {
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(standard, F_GETFD) < 0)
      fail(ErrorKind::io, "cannot start the sandbox: expected standard input, output and error to be open, found {} closed", standard);
  std::array<int, 2> sockets{}, pipe{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets.data()) != 0)
    fail(ErrorKind::io, "cannot make the sandbox's socket: {}", std::strerror(errno));
  connection_->control.reset(sockets[0]);
  const base::Descriptor control(sockets[1]);
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) fail(ErrorKind::io, "cannot make the sandbox's pipe: {}", std::strerror(errno));
  connection_->results.reset(pipe[0]);
  const base::Descriptor results(pipe[1]);
  ::fcntl(connection_->results.get(), F_SETFL, O_NONBLOCK);
  ::fcntl(results.get(), F_SETPIPE_SZ, pipe_bytes);  // refused under a tight limit of the system: then it is 64 KiB

  std::cout.flush();
  std::fflush(nullptr);  // or a child would print it once more
  const pid_t caller = ::getpid();
  connection_->server = ::fork();
  if (connection_->server < 0) fail(ErrorKind::io, "cannot start the sandbox's server: {}", std::strerror(errno));
  if (connection_->server == 0) become_server(work, control.get(), results.get(), caller, connection_->scratch);
}

Sandbox::~Sandbox() {
  connection_->control.reset();  // the server sees it, kills what runs, and ends
  while (::waitpid(connection_->server, nullptr, 0) < 0 && errno == EINTR) {
  }
  connection_->scratch.remove();
}

Report Sandbox::run(std::string_view request, const task::ResourceLimits& limits, const std::filesystem::path& log,
                    const std::function<bool()>& stop_requested, Process process) {
  Connection& c = *connection_;
  if (c.lost) c.lose();
  ++c.job;
  const StartHead head{.limits = limits, .log_size = log.native().size(), .shared = process == Process::shared, .doubt = c.doubt};
  if (!write_frame(c.control.get(), Tag::start, c.job, std::string(bytes_of(head)).append(log.native()).append(request))) c.lose();
  Said said;
  const Ended ended = c.wait(said, stop_requested);
  c.doubt = !said.failure.empty();
  return conclude(ended, std::move(said), limits, log);
}

int Sandbox::server() const { return connection_->server; }

}  // namespace espalier::sandbox
