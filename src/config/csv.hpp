// Columns of a zip from a CSV file.
#pragma once
#include <filesystem>

#include "config/document.hpp"
#include "config/problems.hpp"
#include "espalier/task/field.hpp"

namespace espalier::config {

/// Whether the node is meant to be {csv: FILE}.
bool is_csv_map(const Node& node);

/// The zip that {csv: FILE} stands for; FILE is relative to `folder`. The first line names parameters, each further one is a row; form: RFC
/// 4180, UTF-8, with or without byte order mark, empty lines are skipped. A cell is what would stand in the experiment file: 0.5, true,
/// "[32, 16]". Every problem names file, line and column name.
Zip read_csv_zip(const Node& node, const std::filesystem::path& folder, const task::Schema& schema, const Place& place, Problems& problems);

}  // namespace espalier::config
