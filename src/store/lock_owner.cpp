#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include "espalier/base/build_info.hpp"
#include "espalier/base/clock.hpp"
#include "espalier/base/process.hpp"
#include "store/lock.hpp"

namespace espalier::store {

namespace fs = std::filesystem;

namespace {

std::string first_line(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

LockOwner this_process() {
  LockOwner self;
  self.host = base::host_name();
  self.pid = ::getpid();
  self.start_ticks = base::start_ticks_of(self.pid);
  self.boot_id = first_line("/proc/sys/kernel/random/boot_id");
  self.machine_id = first_line("/etc/machine-id");
  std::error_code none;
  self.pid_namespace = fs::read_symlink("/proc/self/ns/pid", none).string();
  if (const std::string id = environment("SLURM_JOB_ID"); !id.empty()) {
    self.job = "slurm " + id;
    const std::string count = environment("SLURM_RESTART_COUNT");
    self.restart = count.empty() ? "0" : count;
  } else if (const std::string pbs = environment("PBS_JOBID"); !pbs.empty()) {
    self.job = "pbs " + pbs;
  }
  self.started = base::unix_time();
  return self;
}

std::string to_text(const LockOwner& owner) {
  std::ostringstream text;
  text.precision(17);
  text << "host=" << owner.host << "\npid=" << owner.pid << "\nstart_ticks=" << owner.start_ticks << "\nboot_id=" << owner.boot_id
       << "\nmachine_id=" << owner.machine_id << "\npid_namespace=" << owner.pid_namespace << "\njob=" << owner.job
       << "\nrestart=" << owner.restart << "\nstarted=" << owner.started << "\ntoken=" << owner.token << "\n";
  return text.str();
}

LockOwner owner_from_text(const std::string& text) {
  std::map<std::string, std::string> lines;
  std::istringstream input(text);
  for (std::string line; std::getline(input, line);)
    if (const std::size_t equals = line.find('='); equals != std::string::npos) lines[line.substr(0, equals)] = line.substr(equals + 1);
  LockOwner owner;
  owner.host = lines["host"];
  owner.pid = std::strtol(lines["pid"].c_str(), nullptr, 10);
  owner.start_ticks = std::strtoull(lines["start_ticks"].c_str(), nullptr, 10);
  owner.boot_id = lines["boot_id"];
  owner.machine_id = lines["machine_id"];
  owner.pid_namespace = lines["pid_namespace"];
  owner.job = lines["job"];
  owner.restart = lines["restart"];
  owner.started = std::strtod(lines["started"].c_str(), nullptr);
  owner.token = lines["token"];
  return owner;
}

Liveness liveness(const LockOwner& owner, const LockOwner& self) {
  const bool same_slurm_job = owner.job.starts_with("slurm ") && owner.job == self.job;
  if (same_slurm_job && owner.restart != self.restart) return Liveness::dead;
  if (owner.host.empty() || owner.host != self.host) return Liveness::unknown;
  if (owner.boot_id != self.boot_id)
    return !owner.machine_id.empty() && owner.machine_id == self.machine_id ? Liveness::dead : Liveness::unknown;
  if (owner.boot_id.empty() || owner.pid_namespace != self.pid_namespace || owner.pid <= 0) return Liveness::unknown;
  const std::uint64_t ticks = base::start_ticks_of(owner.pid);
  return ticks != 0 && ticks == owner.start_ticks ? Liveness::alive : Liveness::dead;
}

}  // namespace espalier::store
