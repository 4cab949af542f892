#include "espalier/base/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "espalier/base/descriptor.hpp"
#include "espalier/base/error.hpp"
#include "espalier/base/hash.hpp"

namespace espalier::base {

namespace fs = std::filesystem;

namespace {

fs::path directory_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

}  // namespace

void read_blocks(const fs::path& path, const std::function<void(std::span<const char>)>& visit) {
  const File file(path, O_RDONLY, "read");
  std::string buffer(std::size_t{1} << 16, '\0');
  while (const std::size_t got = file.read(buffer)) visit(std::span<const char>(buffer).first(got));
}

std::string read_file(const fs::path& path) {
  std::string content;
  read_blocks(path, [&](std::span<const char> block) { content.append(block.data(), block.size()); });
  return content;
}

void publish_file(const fs::path& temporary, const fs::path& final_name) {
  File file(temporary, O_RDONLY, "open");
  file.sync();
  file.close();
  if (::rename(temporary.c_str(), final_name.c_str()) != 0)
    fail(ErrorKind::io, "cannot rename '{}' to '{}': {}", temporary.string(), final_name.string(), std::strerror(errno));
  sync_directory(directory_of(final_name));
}

namespace {

/// `write` writes the content of the temporary file.
void write_atomically(const fs::path& path, const std::function<void(const File&)>& write) {
  const fs::path temporary = path.string() + ".tmp";
  try {
    File file(temporary, O_WRONLY | O_CREAT | O_TRUNC, "create");
    write(file);
    file.close();
    publish_file(temporary, path);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
}

}  // namespace

void write_file_atomically(const fs::path& path, std::string_view content) {
  write_atomically(path, [&](const File& file) { file.write(content); });
}

namespace {

/// Stamps what goes by.
class Stamper {
 public:
  void add(std::span<const char> block) {
    size_ += block.size();
    checksum_.add(block);
  }
  FileStamp finish() const { return {size_, checksum_.finish()}; }

 private:
  std::uint64_t size_ = 0;
  Checksum checksum_;
};

}  // namespace

void make_directories(const fs::path& directory) {
  std::error_code none;
  const fs::path above = directory.parent_path();
  if (!above.empty() && above != directory && !fs::exists(above, none)) make_directories(above);
  struct stat status {};
  if (::mkdir(directory.c_str(), 0777) == 0) return;
  const int error = errno;
  if (error == EEXIST && ::stat(directory.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return;
  fail(ErrorKind::io, "cannot create the directory '{}': {}", directory.string(), std::strerror(error));
}

FileStamp stamp_file(const fs::path& path) {
  Stamper stamper;
  read_blocks(path, [&](std::span<const char> block) { stamper.add(block); });
  return stamper.finish();
}

Digest digest_file(const fs::path& path) {
  Hasher hasher;
  read_blocks(path, [&](std::span<const char> block) { hasher.add_bytes(block.data(), block.size()); });
  return hasher.finish();
}

void copy_file_atomically(const fs::path& from, const fs::path& to, const std::function<void(const FileStamp&)>& accept) {
  write_atomically(to, [&](const File& file) {
    Stamper stamper;
    read_blocks(from, [&](std::span<const char> block) {
      stamper.add(block);
      file.write({block.data(), block.size()});
    });
    accept(stamper.finish());
  });
}

}  // namespace espalier::base
