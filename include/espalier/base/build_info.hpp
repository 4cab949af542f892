// What this program was built from, for provenance attributes and --version.
#pragma once
#include <string>
#include <utility>
#include <vector>

namespace espalier::base {

struct BuildInfo {
  std::string version;     ///< "0.1.0"
  std::string git_commit;  ///< 40 digits, "-dirty" behind it when the tree had changes; "unknown" outside git
  std::string compiler;
  std::string build_type;
  std::string architecture;  ///< value of -march and the instructions that decide the last bits of results: "native, AVX-512, FMA"
};
const BuildInfo& build_info();

/// Host name and CPU model of the machine this process runs on.
std::string host_name();
std::string cpu_model();

}  // namespace espalier::base
