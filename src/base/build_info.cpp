#include "espalier/base/build_info.hpp"

#include <unistd.h>

#include <fstream>

#include "espalier_git_commit.hpp"

namespace espalier::base {

const BuildInfo& build_info() {
  static const BuildInfo info{ESPALIER_VERSION, ESPALIER_GIT_COMMIT, "GCC " __VERSION__, ESPALIER_BUILD_TYPE, ESPALIER_ARCHITECTURE};
  return info;
}

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "unknown";
}

std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name"))
      if (const auto colon = line.find(": "); colon != std::string::npos) return line.substr(colon + 2);
  return "unknown";
}

}  // namespace espalier::base
