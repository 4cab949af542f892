// Exit codes (contract: see `espalier --help`).
#pragma once
#include "espalier/base/error.hpp"

namespace espalier::app {

inline constexpr int exit_done = 0;           ///< all done and verified
inline constexpr int exit_some_failed = 1;    ///< some tasks failed, or a check found something
inline constexpr int exit_configuration = 2;  ///< bad configuration, input or usage
inline constexpr int exit_store = 3;          ///< output directory locked, corrupt, foreign, unwritable or of another version
inline constexpr int exit_stopped = 75;       ///< stopped early, can be continued

/// Logs the exception that is being handled. Returns its exit code.
int report_error();

inline int exit_code_of(base::ErrorKind kind) {
  switch (kind) {
    case base::ErrorKind::configuration:
    case base::ErrorKind::data:
      return exit_configuration;
    case base::ErrorKind::store:
    case base::ErrorKind::io:
      return exit_store;
    case base::ErrorKind::solver:
    case base::ErrorKind::numeric:
    case base::ErrorKind::internal:
      return exit_some_failed;
  }
  return exit_some_failed;
}

}  // namespace espalier::app
