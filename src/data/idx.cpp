#include "espalier/data/idx.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "espalier/base/error.hpp"

namespace espalier::data {
namespace {

using base::ErrorKind;

constexpr std::uint32_t unsigned_byte = 0x08;

/// Sequential reading; zlib passes content without a gzip header through unchanged.
class Reader {
 public:
  explicit Reader(const std::filesystem::path& path) : path_(path) {
    errno = 0;
    file_.reset(gzopen(path.c_str(), "rb"));
    if (!file_) base::fail(ErrorKind::io, "{}: cannot be opened: {}", path.string(), std::strerror(errno ? errno : ENOMEM));
    gzbuffer(file_.get(), 1 << 18);
  }

  /// Up to `size` bytes; fewer only at the end of the content.
  std::size_t read(std::uint8_t* target, std::size_t size) {
    std::size_t done = 0;
    while (done < size) {
      const int count = gzread(file_.get(), target + done, static_cast<unsigned>(std::min<std::size_t>(size - done, 1u << 30)));
      if (count < 0) refuse_damage(offset_ + done);
      if (count == 0) break;
      done += static_cast<std::size_t>(count);
    }
    offset_ += done;
    if (done < size) refuse_truncated_gzip();
    return done;
  }

  std::uint32_t read_big_endian() {
    std::uint8_t b[4];
    const std::uint64_t start = offset_;
    if (read(b, 4) < 4)
      base::fail(ErrorKind::data, "{}: byte {}: expected 4 bytes of the IDX header, found the end of the file", path_.string(), start);
    return std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 | std::uint32_t{b[2]} << 8 | std::uint32_t{b[3]};
  }

  std::uint64_t offset() const { return offset_; }

 private:
  /// A gzip stream that ends too early is not an error for gzread, only for what it leaves in gzerror.
  void refuse_truncated_gzip() {
    int code = Z_OK;
    gzerror(file_.get(), &code);
    if (code != Z_OK) refuse_damage(offset_);
  }

  [[noreturn]] void refuse_damage(std::uint64_t at) {
    int code = Z_OK;
    const std::string reason = gzerror(file_.get(), &code);
    if (code == Z_ERRNO) base::fail(ErrorKind::io, "{}: byte {}: cannot be read: {}", path_.string(), at, std::strerror(errno));
    base::fail(ErrorKind::data, "{}: byte {}: expected a complete gzip stream, found damage ({})", path_.string(), at, reason);
  }

  struct Close {
    void operator()(gzFile_s* file) const { gzclose(file); }
  };
  std::filesystem::path path_;
  std::unique_ptr<gzFile_s, Close> file_;
  std::uint64_t offset_ = 0;
};

}  // namespace

std::vector<std::uint8_t> read_idx(const std::filesystem::path& path, const std::vector<std::uint32_t>& shape) {
  Reader reader(path);
  const auto expected_magic = unsigned_byte << 8 | static_cast<std::uint32_t>(shape.size());
  const std::uint32_t magic = reader.read_big_endian();
  if (magic != expected_magic)
    base::fail(ErrorKind::data, "{}: byte 0: expected magic number 0x{:08x} (IDX, unsigned bytes, {} dimension{}), found 0x{:08x}",
               path.string(), expected_magic, shape.size(), shape.size() == 1 ? "" : "s", magic);
  std::size_t size = 1;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    const std::uint64_t at = reader.offset();
    const std::uint32_t extent = reader.read_big_endian();
    if (extent != shape[d])
      base::fail(ErrorKind::data, "{}: byte {}: expected extent {} in dimension {}, found {}", path.string(), at, shape[d], d, extent);
    size *= extent;
  }
  std::vector<std::uint8_t> bytes(size);
  const std::uint64_t start = reader.offset();
  if (const std::size_t found = reader.read(bytes.data(), size); found < size)
    base::fail(ErrorKind::data, "{}: byte {}: expected {} more bytes ({} in all), found the end of the file", path.string(), start + found,
               size - found, start + size);
  std::uint8_t extra = 0;
  if (reader.read(&extra, 1) != 0)
    base::fail(ErrorKind::data, "{}: byte {}: expected the end of the file, found more bytes", path.string(), start + size);
  return bytes;
}

}  // namespace espalier::data
