// Can a file be read at all?
#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace espalier::h5 {

/// Reads every dataset and attribute of the file, so that checksums are compared, and returns a sentence for each that cannot be read;
/// empty: all is readable. HDF5 may crash on a damaged file, or never come back, so this happens in a process of its own: call it
/// where fork() is safe (no other threads that hold locks).
std::vector<std::string> verify_file(const std::filesystem::path& path);

}  // namespace espalier::h5
