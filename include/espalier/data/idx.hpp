// The IDX format of MNIST: big-endian magic number 00 00 <type> <dimensions>, sizes, then the bytes. Plain or gzipped.
#pragma once
#include <cstdint>
#include <filesystem>
#include <vector>

namespace espalier::data {

struct IdxArray {
  std::vector<std::uint32_t> shape;
  std::vector<std::uint8_t> bytes;  ///< row-major
};

/// Reads an unsigned-byte IDX file with `dimensions` dimensions; gzip is recognised by content, not by name. Throws base::Error(data)
/// naming file, byte offset (of the uncompressed content), expected and found, or base::Error(io) when the file cannot be read.
IdxArray read_idx(const std::filesystem::path& path, std::uint32_t dimensions);

}  // namespace espalier::data
