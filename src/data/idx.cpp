#include "espalier/data/idx.hpp"

#include <fmt/format.h>

#include <array>

#include "espalier/base/error.hpp"
#include "espalier/data/compressed_file.hpp"

namespace espalier::data {
namespace {

using base::ErrorKind;

constexpr std::uint32_t unsigned_byte = 0x08;

std::uint32_t read_big_endian(CompressedFile& file) {
  std::array<std::uint8_t, 4> b{};
  const std::uint64_t start = file.offset();
  if (file.read(b) < b.size())
    base::fail(ErrorKind::data, "{}: byte {}: expected 4 bytes of the IDX header, found the end of the file", file.path().string(), start);
  return std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 | std::uint32_t{b[2]} << 8 | std::uint32_t{b[3]};
}

}  // namespace

std::vector<std::uint8_t> read_idx(const std::filesystem::path& path, const std::vector<std::uint32_t>& shape) {
  CompressedFile file(path);
  const auto expected_magic = unsigned_byte << 8 | static_cast<std::uint32_t>(shape.size());
  const std::uint32_t magic = read_big_endian(file);
  if (magic != expected_magic)
    base::fail(ErrorKind::data, "{}: byte 0: expected magic number 0x{:08x} (IDX, unsigned bytes, {} dimension{}), found 0x{:08x}",
               path.string(), expected_magic, shape.size(), shape.size() == 1 ? "" : "s", magic);
  std::size_t size = 1;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    const std::uint64_t at = file.offset();
    const std::uint32_t extent = read_big_endian(file);
    if (extent != shape[d])
      base::fail(ErrorKind::data, "{}: byte {}: expected extent {} in dimension {}, found {}", path.string(), at, shape[d], d, extent);
    size *= extent;
  }
  std::vector<std::uint8_t> bytes(size);
  const std::uint64_t start = file.offset();
  if (const std::size_t found = file.read(bytes); found < size)
    base::fail(ErrorKind::data, "{}: byte {}: expected {} more bytes ({} in all), found the end of the file", path.string(), start + found,
               size - found, start + size);
  std::uint8_t extra = 0;
  if (file.read({&extra, 1}) != 0)
    base::fail(ErrorKind::data, "{}: byte {}: expected the end of the file, found more bytes", path.string(), start + size);
  return bytes;
}

}  // namespace espalier::data
