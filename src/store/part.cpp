#include "espalier/store/part.hpp"

#include <unistd.h>

#include <algorithm>
#include <system_error>

#include "espalier/base/build_info.hpp"
#include "espalier/base/descriptor.hpp"
#include "espalier/base/error.hpp"
#include "espalier/base/file.hpp"

namespace espalier::store {

namespace fs = std::filesystem;
using base::ErrorKind;
using base::fail;

std::string part_name(const task::StageKey& key) {
  const std::string digits = key.hex();
  return "parts/" + digits.substr(0, 2) + "/" + digits + ".h5";
}

fs::path temporary_part_path(const fs::path& output_directory, const task::StageKey& key, base::AttemptId attempt) {
  const fs::path final_name = output_directory / part_name(key);
  base::make_directories(final_name.parent_path());
  return fmt::format("{}.{}-{}-{}.tmp", final_name.string(), attempt.value, base::host_name(), ::getpid());
}

task::PartFile publish_part(const fs::path& output_directory, const fs::path& temporary, const task::StageKey& key) {
  const std::string name = part_name(key);
  const fs::path final_name = output_directory / name;
  base::make_directories(final_name.parent_path());
  const base::FileStamp stamp = base::stamp_file(temporary);
  base::publish_file(temporary, final_name);
  base::sync_directory(output_directory / "parts");  // the folder itself may be new
  return {name, stamp};
}

std::string compare_part(const fs::path& output_directory, const task::PartFile& part) {
  const fs::path file = output_directory / part.name;
  std::error_code error;
  if (!fs::exists(file, error)) return "the file is missing";
  const base::FileStamp found = base::stamp_file(file);
  if (found.size != part.stamp.size) return fmt::format("expected {} bytes, found {}", part.stamp.size, found.size);
  if (found.checksum != part.stamp.checksum)
    return fmt::format("expected checksum {:016x}, found {:016x}", part.stamp.checksum, found.checksum);
  return "";
}

std::string check_part(const fs::path& output_directory, const task::PartFile& part) {
  try {
    return compare_part(output_directory, part);
  } catch (const base::Error& unreadable) {
    return unreadable.what();
  }
}

void copy_part(const fs::path& from_directory, const fs::path& to_directory, const task::PartFile& part) {
  base::make_directories((to_directory / part.name).parent_path());
  base::copy_file_atomically(from_directory / part.name, to_directory / part.name, [&](const base::FileStamp& found) {
    if (found != part.stamp)
      fail(ErrorKind::store, "'{}' is damaged: its checksum is not the recorded one", (from_directory / part.name).string());
  });
  base::sync_directory(to_directory / "parts");  // the folder itself may be new
}

}  // namespace espalier::store
