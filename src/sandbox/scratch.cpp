#include "sandbox/scratch.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <random>
#include <system_error>

namespace espalier::sandbox {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view prefix = "espalier-solves-";
constexpr time_t oldest_without_lock = 60;  // s: a new one may not have its lock yet

/// Open and locked: nobody else uses it. Invalid if somebody does, or if it is not ours.
base::Descriptor lock_folder(const fs::path& folder) {
  base::Descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (opened && ::flock(opened.get(), LOCK_EX | LOCK_NB) != 0) opened.reset();
  return opened;
}

/// Folders whose servers and callers were both killed.
void remove_abandoned(const fs::path& above) {
  std::error_code error;
  for (fs::directory_iterator entry(above, error), end; !error && entry != end; entry.increment(error)) {
    if (!entry->path().filename().native().starts_with(prefix)) continue;
    const base::Descriptor lock = lock_folder(entry->path());
    struct stat status {};
    if (!lock || ::fstat(lock.get(), &status) != 0 || status.st_uid != ::geteuid()) continue;
    if (std::time(nullptr) - status.st_mtime < oldest_without_lock) continue;
    std::error_code ignored;
    fs::remove_all(entry->path(), ignored);
  }
}

}  // namespace

Scratch::Scratch() {
  std::error_code error;
  const fs::path above = fs::temp_directory_path(error);
  std::random_device random;
  if (!error) path_ = (above / fmt::format("{}{}-{:08x}", prefix, ::getpid(), random())).string();
}

void Scratch::provide() {
  struct stat status {};
  if (path_.empty() || (there_ && ::stat(path_.c_str(), &status) == 0)) return;  // long runs meet programs that clean up /tmp
  if (!there_) remove_abandoned(fs::path(path_).parent_path());
  there_ = ::mkdir(path_.c_str(), 0700) == 0;
  if (!there_) return;
  lock_ = lock_folder(path_);
  if (lock_) return;
  ::rmdir(path_.c_str());
  there_ = false;
}

void Scratch::use() const {
  if (there_) ::setenv("TMPDIR", path_.c_str(), 1);
}

void Scratch::empty() const {
  if (!there_) return;
  std::error_code error;
  for (fs::directory_iterator entry(path_, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    fs::remove_all(entry->path(), ignored);
  }
}

void Scratch::remove() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

}  // namespace espalier::sandbox
