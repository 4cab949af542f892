// Private: one writer per output directory.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

namespace espalier::store {

/// Who holds a lock, as the lock file tells it: one "name=value" per line.
struct LockOwner {
  std::string host;
  long pid = 0;
  std::uint64_t start_ticks = 0;  ///< of the process since boot: tells it from a later one with its number
  std::string boot_id;            ///< of the running kernel
  std::string machine_id;
  std::string pid_namespace;
  std::string job;      ///< "slurm 4711", "pbs 12.head", or ""
  std::string restart;  ///< how often Slurm has restarted that job
  double started = 0;   ///< Unix time, s
  std::string token;    ///< random: who reads it sees this very directory
};
LockOwner this_process();
std::string to_text(const LockOwner& owner);
LockOwner owner_from_text(const std::string& text);  ///< unknown and missing lines leave defaults

enum class Liveness {
  alive,    ///< it runs on this machine
  dead,     ///< certainly gone
  unknown,  ///< on another machine, or out of this process's sight
};
/// File locks are no answer: they fail on NFS and Lustre. A process of this machine is looked up by number and start time. One
/// of before this machine's reboot is gone, and so is an earlier incarnation of a requeued Slurm job.
Liveness liveness(const LockOwner& owner, const LockOwner& self);

/// Creates <directory>/run.lock or throws Error(store) that says who holds it and what to do; a dead owner's lock is taken over with a
/// warning. Released by the destructor.
class DirectoryLock {
 public:
  explicit DirectoryLock(const std::filesystem::path& directory);
  ~DirectoryLock();
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

  const std::string& token() const { return token_; }

  static std::filesystem::path file_in(const std::filesystem::path& directory) { return directory / "run.lock"; }

 private:
  std::filesystem::path file_;
  std::string token_;
  std::string content_;
};

/// The directory has a lock whose owner is not known to be gone.
bool run_is_alive(const std::filesystem::path& directory);

}  // namespace espalier::store
