// Files that are either complete under their name or absent.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "espalier/base/hash.hpp"

namespace espalier::base {

/// Whole content, of files that are small; throws Error(io) naming the file and the system's reason.
std::string read_file(const std::filesystem::path& path);

/// The content block by block, for files of any size. Error(io) as above; what `visit` throws ends it.
void read_blocks(const std::filesystem::path& path, const std::function<void(std::span<const char>)>& visit);

/// Writes to `path` + ".tmp", fsyncs, renames, fsyncs the directory. On failure nothing is left under `path` and Error(io) is thrown.
void write_file_atomically(const std::filesystem::path& path, std::string_view content);

/// Makes a closed file durable and gives it its final name: fsync(temporary), rename, fsync(directory).
void publish_file(const std::filesystem::path& temporary, const std::filesystem::path& final_name);

/// Makes the directory and those above it that are missing; throws Error(io) naming the one that the system refuses.
void make_directories(const std::filesystem::path& directory);

struct FileStamp {
  std::uint64_t size = 0;      ///< bytes
  std::uint64_t checksum = 0;  ///< XXH3-64 of the content
  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};
FileStamp stamp_file(const std::filesystem::path& path);

/// XXH3-128 of the content; Error(io) as read_file().
Digest digest_file(const std::filesystem::path& path);

/// A copy with the guarantees of write_file_atomically. `accept` is given the stamp of what was read before it gets its name: what it
/// throws ends it.
void copy_file_atomically(
    const std::filesystem::path& from, const std::filesystem::path& to,
    const std::function<void(const FileStamp&)>& accept = [](const FileStamp&) {});

}  // namespace espalier::base
