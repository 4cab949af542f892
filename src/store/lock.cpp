#include "store/lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <random>

#include "espalier/base/clock.hpp"
#include "espalier/base/descriptor.hpp"
#include "espalier/base/error.hpp"
#include "espalier/base/file.hpp"
#include "espalier/base/log.hpp"

namespace espalier::store {

namespace fs = std::filesystem;
using base::ErrorKind;
using base::fail;

namespace {

/// Keeps two processes of one machine from taking over the same dead lock at the same time, where the file system has locks.
class TakeoverGuard {
 public:
  explicit TakeoverGuard(const fs::path& directory) : directory_(directory, O_RDONLY | O_DIRECTORY, "open") {
    while (::flock(directory_.get(), LOCK_EX) != 0 && errno == EINTR) {
    }
  }

 private:
  base::File directory_;  // closing it unlocks
};

std::string random_token() {
  std::random_device device;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", device(), device(), device(), device());
}

std::optional<std::string> content_of(const fs::path& file) {
  std::error_code none;
  if (!fs::exists(file, none)) return std::nullopt;
  try {
    return base::read_file(file);
  } catch (const base::Error&) {
    if (!fs::exists(file, none)) return std::nullopt;  // released in this moment
    throw;
  }
}

std::string describe(const LockOwner& owner) {
  if (owner.host.empty()) return "an unknown process";
  return fmt::format("process {} on host '{}'{} since {}", owner.pid, owner.host, owner.job.empty() ? "" : " (job " + owner.job + ")",
                     base::iso_time(owner.started));
}

/// link() is atomic, also on NFS, and shows the lock only with its content. False if there is a lock already.
bool create_lock(const fs::path& file, const std::string& content) {
  const fs::path mine = fmt::format("{}.{}-{}.tmp", file.string(), this_process().host, ::getpid());
  try {
    const base::File written(mine, O_WRONLY | O_CREAT | O_TRUNC, "create");
    written.write_at(0, content);
    written.sync();
  } catch (...) {
    ::unlink(mine.c_str());
    throw;
  }
  const int linked = ::link(mine.c_str(), file.c_str());
  const int error = errno;
  ::unlink(mine.c_str());
  if (linked == 0) return true;
  if (error == EEXIST) return false;
  if (error != EPERM && error != EOPNOTSUPP && error != ENOSYS)
    fail(ErrorKind::store, "cannot create '{}': {}", file.string(), std::strerror(error));
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);  // a file system without links
  if (fd < 0 && errno == EEXIST) return false;
  if (fd < 0) fail(ErrorKind::store, "cannot create '{}': {}", file.string(), std::strerror(errno));
  ::close(fd);
  base::File(file, O_WRONLY, "write").write_at(0, content);
  return true;
}

/// Removes a dead owner's lock, or refuses.
void judge(const fs::path& file, const std::string& content) {
  const LockOwner owner = owner_from_text(content);
  const std::string directory = file.parent_path().string();
  switch (liveness(owner, this_process())) {
    case Liveness::alive:
      fail(ErrorKind::store, "'{}' is in use by {}; wait for it or stop it (espalier status and check work meanwhile)", directory,
           describe(owner));
    case Liveness::unknown:
      fail(ErrorKind::store, "'{}' is locked by {}, and this process cannot see whether that still runs; if it does not, remove '{}'",
           directory, describe(owner), file.string());
    case Liveness::dead:
      break;
  }
  base::log_warning("'{}' was locked by {}, which no longer runs: going on", directory, describe(owner));
  if (::unlink(file.c_str()) != 0 && errno != ENOENT) fail(ErrorKind::store, "cannot remove '{}': {}", file.string(), std::strerror(errno));
}

}  // namespace

DirectoryLock::DirectoryLock(const fs::path& directory) : file_(file_in(directory)), token_(random_token()) {
  LockOwner owner = this_process();
  owner.token = token_;
  content_ = to_text(owner);
  const TakeoverGuard guard(directory);
  constexpr int tries = 10;  // a lock may come and go between our looks
  for (int i = 0; i < tries; ++i) {
    if (create_lock(file_, content_)) return;
    if (const auto content = content_of(file_)) judge(file_, *content);
  }
  fail(ErrorKind::store, "cannot lock '{}': '{}' keeps coming and going", directory.string(), file_.string());
}

DirectoryLock::~DirectoryLock() {
  try {
    if (content_of(file_) == content_) ::unlink(file_.c_str());
  } catch (const base::Error& error) {
    base::log_warning("cannot release the lock: {}", error.what());
  }
}

std::string find_lock(const fs::path& directory, const std::string& token) {
  std::error_code error;
  const fs::directory_iterator opened(directory, error);  // NFS looks at the server again when a directory is opened
  if (error) return fmt::format("none ({})", error.message());
  try {
    const auto content = content_of(DirectoryLock::file_in(directory));
    if (!content) return "a directory that no run has locked";
    return owner_from_text(*content).token == token ? "" : "the lock of another run";
  } catch (const base::Error& unreadable) {
    return unreadable.what();
  }
}

bool run_is_alive(const std::filesystem::path& directory) {
  const std::filesystem::path lock = DirectoryLock::file_in(directory);
  std::error_code none;
  if (!std::filesystem::exists(lock, none)) return false;
  try {
    return liveness(owner_from_text(base::read_file(lock)), this_process()) != Liveness::dead;
  } catch (const base::Error&) {
    return false;  // released in this moment
  }
}

}  // namespace espalier::store
