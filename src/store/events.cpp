#include <unistd.h>

#include "espalier/base/build_info.hpp"
#include "espalier/base/clock.hpp"
#include "espalier/store/output_directory.hpp"
#include "store/lock.hpp"

namespace espalier::store {

Event run_started(std::map<std::string, std::string> facts) {
  const base::BuildInfo& build = base::build_info();
  const LockOwner self = this_process();
  facts.insert({{"program_version", build.version},
                {"git_commit", build.git_commit},
                {"compiler", build.compiler},
                {"build_type", build.build_type},
                {"architecture", build.architecture},
                {"host", self.host},
                {"cpu", base::cpu_model()},
                {"process", std::to_string(self.pid)},
                {"job", self.job}});
  return {"run started", base::unix_time(), std::move(facts)};
}

Event run_ended(const std::string& reason) { return {"run ended", base::unix_time(), {{"reason", reason}}}; }

}  // namespace espalier::store
