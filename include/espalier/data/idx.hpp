// The IDX format of MNIST: big-endian magic number 00 00 <type> <dimensions>, extents, then the bytes. Plain or gzipped.
#pragma once
#include <cstdint>
#include <filesystem>
#include <vector>

namespace espalier::data {

/// The bytes of an unsigned-byte IDX file whose extents must be `shape`, row-major. Gzip is recognised by content, not by name. Throws
/// base::Error(data) naming file, byte offset (in the uncompressed content), expected and found, or base::Error(io) when the file
/// cannot be read. Nothing is allocated before the header is known to be right.
std::vector<std::uint8_t> read_idx(const std::filesystem::path& path, const std::vector<std::uint32_t>& shape);

}  // namespace espalier::data
