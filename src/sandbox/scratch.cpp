#include "sandbox/scratch.hpp"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace espalier::sandbox {

namespace fs = std::filesystem;

void Scratch::provide() {
  struct stat status {};
  if (!path_.empty() && ::stat(path_.c_str(), &status) == 0) return;  // long runs meet programs that clean up /tmp
  std::error_code error;
  const fs::path above = fs::temp_directory_path(error);
  std::string pattern = (above / "espalier-solves-XXXXXX").string();
  path_ = !error && ::mkdtemp(pattern.data()) != nullptr ? pattern : "";
}

void Scratch::use() const {
  if (!path_.empty()) ::setenv("TMPDIR", path_.c_str(), 1);
}

void Scratch::empty() const {
  if (path_.empty()) return;
  std::error_code error;
  for (fs::directory_iterator entry(path_, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    fs::remove_all(entry->path(), ignored);
  }
}

void Scratch::remove() {
  if (path_.empty()) return;
  std::error_code ignored;
  fs::remove_all(path_, ignored);
  path_.clear();
}

}  // namespace espalier::sandbox
