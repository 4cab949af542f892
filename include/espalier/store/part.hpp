// Part files: the large results of one task, written by its worker.
#pragma once
#include <filesystem>
#include <string>

#include "espalier/base/ids.hpp"
#include "espalier/task/task.hpp"

namespace espalier::store {

/// "parts/ab/<key>.h5", ab being the key's first two digits.
std::string part_name(const task::StageKey& key);

/// Where a worker writes before publishing; its folder is created. Unique for host, process and attempt, so that a worker of a superseded
/// attempt never writes into another one's file.
std::filesystem::path temporary_part_path(const std::filesystem::path& output_directory, const task::StageKey& key,
                                          base::AttemptId attempt);

/// Makes the closed file durable under its final name and returns name, size and checksum. A file of that name is replaced: equal
/// keys have equal content. Throws Error(io).
task::PartFile publish_part(const std::filesystem::path& output_directory, const std::filesystem::path& temporary,
                            const task::StageKey& key);

/// "" if the part file is present with its size and checksum, else what is wrong with it.
/// Error(io) if it is there and cannot be read.
std::string compare_part(const std::filesystem::path& output_directory, const task::PartFile& part);
/// The same, but what cannot be read is wrong as well.
std::string check_part(const std::filesystem::path& output_directory, const task::PartFile& part);

/// The same file in another output directory, durable under its final name. Error(store) if it is damaged where it comes from.
void copy_part(const std::filesystem::path& from_directory, const std::filesystem::path& to_directory, const task::PartFile& part);

}  // namespace espalier::store
