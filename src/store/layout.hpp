// Private: what stands in an output directory.
#pragma once
#include <cstddef>
#include <filesystem>

namespace espalier::store {

/// Error(store) with the system's reason if it cannot be made, or if something else has the name.
void make_directory(const std::filesystem::path& directory);

/// Error(store) if the directory is neither empty, nor one that holds a run, nor one in which creating a run was interrupted.
void refuse_foreign(const std::filesystem::path& directory);

/// *.tmp below parts/ and imports/ and in the directory itself; returns how many.
std::size_t remove_temporary_files(const std::filesystem::path& directory);

}  // namespace espalier::store
