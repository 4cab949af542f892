#include "espalier/base/error.hpp"

namespace espalier::base {

std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::configuration:
      return "configuration";
    case ErrorKind::data:
      return "data";
    case ErrorKind::store:
      return "store";
    case ErrorKind::io:
      return "io";
    case ErrorKind::solver:
      return "solver";
    case ErrorKind::numeric:
      return "numeric";
    case ErrorKind::internal:
      return "internal";
  }
  return "unknown";
}

}  // namespace espalier::base
