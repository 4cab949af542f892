// Parameters that name files: their names made absolute, their content pinned.
#pragma once
#include <filesystem>

#include "config/document.hpp"
#include "config/problems.hpp"
#include "espalier/config/experiment.hpp"

namespace espalier::config {

/// Error(configuration) for a folder, a pipe or another thing that is no file: who opens that may wait for ever. What is not there is left
/// to who opens it.
void require_regular_file(const std::filesystem::path& path);

/// The value as it is kept: of a field that names a file the absolute name, else unchanged.
task::Value resolve_file(task::Value value, const task::Field& field, const std::filesystem::path& folder);

/// resolve_file() for every value in the block and those within it.
void resolve_files(Block& block, const task::Schema& schema, const std::filesystem::path& folder);

/// The key `files` of a document: absolute name to hash.
Files read_files(const Node& document, Problems& problems);

/// Files of all values, by name. Those that `known` has are taken from there; others are checked (Field::check_file) and hashed now.
Files pin_files(Block& root, const task::Schema& schema, const Files& known, Problems& problems);

}  // namespace espalier::config
