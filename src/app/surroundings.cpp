#include "app/surroundings.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <iostream>

#include "espalier/app/program.hpp"
#include "espalier/base/error.hpp"

namespace espalier::app {

namespace {
constexpr rlim_t fewest_descriptors = 32;
}

void prepare_process() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(descriptor, F_GETFD) < 0 && errno == EBADF) {
      // The lowest free number is given, which is this one.
      [[maybe_unused]] const int opened = ::open("/dev/null", descriptor == STDERR_FILENO ? O_WRONLY : O_RDONLY);
    }
  ::signal(SIGXFSZ, SIG_IGN);
}

void flush_output() {
  int reason = errno;  // of an earlier write, if one has failed: nothing else has happened since the command printed
  const bool failed_before = !std::cout.good() || std::ferror(stdout) != 0;
  std::cout.flush();
  const bool flushed = std::fflush(stdout) == 0;
  if (flushed && !failed_before && std::cout.good() && std::ferror(stdout) == 0) return;
  if (!failed_before) reason = errno;
  base::fail(base::ErrorKind::io, "cannot write to standard output: {}", std::strerror(reason));
}

void require_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= fewest_descriptors) return;
  base::fail(base::ErrorKind::configuration, "expected a limit of at least {} open files, found {} (ulimit -n)", fewest_descriptors,
             limit.rlim_cur);
}

}  // namespace espalier::app
