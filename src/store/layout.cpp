#include "store/layout.hpp"

#include <algorithm>
#include <string>
#include <system_error>
#include <vector>

#include "espalier/base/error.hpp"

namespace espalier::store {

namespace fs = std::filesystem;
using base::ErrorKind;
using base::fail;

namespace {

std::vector<std::string> entries(const fs::path& directory) {
  std::error_code error;
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory, error)) names.push_back(entry.path().filename().string());
  if (error) fail(ErrorKind::store, "cannot read the output directory '{}': {}", directory.string(), error.message());
  std::sort(names.begin(), names.end());
  return names;
}

bool is_temporary(const fs::path& file) { return file.extension() == ".tmp"; }

/// Of a run whose creation was interrupted before its journal stood there.
bool may_precede_journal(const fs::path& directory, const std::string& name) {
  if (name == "log" || name == "run.lock" || is_temporary(name)) return true;
  return name == "parts" && fs::is_directory(directory / name) && fs::is_empty(directory / name);
}

bool is_ours(const std::string& name) { return name == "plan.yaml" || name == "results.h5" || name == "parts" || name == "imports"; }

}  // namespace

void make_directory(const fs::path& directory) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) fail(ErrorKind::store, "cannot create the output directory '{}': {}", directory.string(), error.message());
  if (!fs::is_directory(directory, error)) fail(ErrorKind::store, "expected a directory at '{}', found a file", directory.string());
}

void refuse_foreign(const fs::path& directory) {
  const std::vector<std::string> names = entries(directory);
  if (std::find(names.begin(), names.end(), "run.journal") != names.end()) return;
  std::vector<std::string> strange;
  for (const std::string& name : names)
    if (!may_precede_journal(directory, name)) strange.push_back(name);
  if (strange.empty()) return;
  if (std::all_of(strange.begin(), strange.end(), is_ours))
    fail(ErrorKind::store, "'{}' holds {} but no run.journal: the run cannot be continued; restore the journal or choose another directory",
         directory.string(), fmt::join(strange, ", "));
  constexpr std::size_t shown = 3;
  const std::size_t count = strange.size();
  strange.resize(std::min(count, shown));
  fail(ErrorKind::store, "expected an empty directory or one of an earlier run at '{}', found other files in it: {}{}", directory.string(),
       fmt::join(strange, ", "), count > shown ? ", ..." : "");
}

std::size_t remove_temporary_files(const fs::path& directory) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(directory))
    if (is_temporary(entry.path())) found.push_back(entry.path());
  for (const char* below : {"parts", "imports"}) {
    std::error_code none;  // imports need not be there
    for (const auto& entry : fs::recursive_directory_iterator(directory / below, none))
      if (entry.is_regular_file() && is_temporary(entry.path())) found.push_back(entry.path());
  }
  for (const fs::path& file : found) fs::remove(file);
  return found.size();
}

}  // namespace espalier::store
