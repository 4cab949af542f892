#include "espalier/data/compressed_file.hpp"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "espalier/base/error.hpp"

namespace espalier::data {

using base::ErrorKind;

namespace {

gzFile handle(void* file) { return static_cast<gzFile>(file); }

}  // namespace

void CompressedFile::Close::operator()(void* file) const { gzclose(handle(file)); }

CompressedFile::CompressedFile(const std::filesystem::path& path) : path_(path) {
  errno = 0;
  file_.reset(gzopen(path.c_str(), "rb"));
  if (!file_) base::fail(ErrorKind::io, "{}: cannot be opened: {}", path.string(), std::strerror(errno ? errno : ENOMEM));
  gzbuffer(handle(file_.get()), 1 << 18);
}

std::size_t CompressedFile::read(std::span<std::uint8_t> target) {
  std::size_t done = 0;
  while (done < target.size()) {
    const auto wanted = static_cast<unsigned>(std::min<std::size_t>(target.size() - done, 1u << 30));
    const int count = gzread(handle(file_.get()), target.data() + done, wanted);
    if (count < 0) refuse_damage(offset_ + done);
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  offset_ += done;
  if (done < target.size()) refuse_truncated_gzip();
  return done;
}

/// A gzip stream that ends too early is not an error for gzread, only for what it leaves in gzerror.
void CompressedFile::refuse_truncated_gzip() {
  int code = Z_OK;
  gzerror(handle(file_.get()), &code);
  if (code != Z_OK) refuse_damage(offset_);
}

void CompressedFile::refuse_damage(std::uint64_t at) {
  int code = Z_OK;
  const std::string reason = gzerror(handle(file_.get()), &code);
  if (code == Z_ERRNO) base::fail(ErrorKind::io, "{}: byte {}: cannot be read: {}", path_.string(), at, std::strerror(errno));
  base::fail(ErrorKind::data, "{}: byte {}: expected a complete gzip stream, found damage ({})", path_.string(), at, reason);
}

std::string read_compressed(const std::filesystem::path& path, std::size_t most_bytes) {
  CompressedFile file(path);
  std::string content;
  std::string block(std::size_t{1} << 16, '\0');
  while (const std::size_t got = file.read({reinterpret_cast<std::uint8_t*>(block.data()), block.size()})) {
    if (content.size() + got > most_bytes)
      base::fail(ErrorKind::data, "{}: expected at most {} bytes of content, found more", path.string(), most_bytes);
    content.append(block, 0, got);
  }
  return content;
}

}  // namespace espalier::data
