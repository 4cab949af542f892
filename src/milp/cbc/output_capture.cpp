#include "milp/cbc/output_capture.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>

#include "espalier/base/error.hpp"

namespace espalier::milp {

OutputCapture::OutputCapture(const std::filesystem::path& file) {
  const std::filesystem::path target = file.empty() ? "/dev/null" : file;
  target_ = ::open(target.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (target_ < 0) base::fail(base::ErrorKind::io, "cannot open '{}' for the solver's output: {}", target.string(), std::strerror(errno));
  saved_stdout_ = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
  saved_stderr_ = ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
  redirect();
}

OutputCapture::~OutputCapture() {
  release();
  for (const int descriptor : {target_, saved_stdout_, saved_stderr_})
    if (descriptor >= 0) ::close(descriptor);
}

void OutputCapture::redirect() noexcept {
  std::cout.flush();
  std::fflush(nullptr);
  ::dup2(target_, STDOUT_FILENO);
  ::dup2(target_, STDERR_FILENO);
}

void OutputCapture::release() noexcept {
  std::cout.flush();
  std::fflush(nullptr);
  // A descriptor that was closed before we came is closed again.
  saved_stdout_ >= 0 ? ::dup2(saved_stdout_, STDOUT_FILENO) : ::close(STDOUT_FILENO);
  saved_stderr_ >= 0 ? ::dup2(saved_stderr_, STDERR_FILENO) : ::close(STDERR_FILENO);
}

}  // namespace espalier::milp
