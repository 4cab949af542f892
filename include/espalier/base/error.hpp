// One exception type; its kind decides the exit code and what a failed row says.
#pragma once
#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <string_view>

namespace espalier::base {

enum class ErrorKind {
  configuration,  ///< bad configuration or usage: exit code 2
  data,           ///< a data set, network or problem file is missing or wrong: exit code 2 outside a task
  store,          ///< output directory locked, corrupt, foreign or of another version: exit code 3
  io,             ///< the system refuses or a file is damaged: disk full, permission denied. Never a task's fault, so it ends a run
  solver,         ///< a solver could not be run or broke its contract
  numeric,        ///< NaN, infinity, diverged training
  internal,       ///< a defect of espalier
};

/// "configuration", "data", ...
std::string_view to_string(ErrorKind kind);

class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  ErrorKind kind() const noexcept { return kind_; }

 private:
  ErrorKind kind_;
};

/// Throws Error(kind, format(args...)). A refusal says what was expected, what was found and where.
template <class... Args>
[[noreturn]] void fail(ErrorKind kind, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(kind, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace espalier::base
