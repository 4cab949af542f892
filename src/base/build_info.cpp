#include "espalier/base/build_info.hpp"

#include <unistd.h>

#include <fstream>

#include "espalier_git_commit.hpp"

// What -march=native stands for differs from machine to machine: the width of vectors orders sums, a fused multiply-add rounds once.
#if defined(__AVX512F__)
#define ESPALIER_INSTRUCTIONS ", AVX-512, FMA"
#elif defined(__AVX2__) && defined(__FMA__)
#define ESPALIER_INSTRUCTIONS ", AVX2, FMA"
#elif defined(__AVX__)
#define ESPALIER_INSTRUCTIONS ", AVX"
#elif defined(__SSE2__)
#define ESPALIER_INSTRUCTIONS ", SSE2"
#else
#define ESPALIER_INSTRUCTIONS ""
#endif

namespace espalier::base {

const BuildInfo& build_info() {
  static const BuildInfo info{ESPALIER_VERSION, ESPALIER_GIT_COMMIT, "GCC " __VERSION__, ESPALIER_BUILD_TYPE,
                              ESPALIER_ARCHITECTURE ESPALIER_INSTRUCTIONS};
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
