// Columns of a zip from a file.
#pragma once
#include <filesystem>
#include <map>
#include <string>

#include "config/document.hpp"
#include "config/problems.hpp"
#include "espalier/task/field.hpp"

namespace espalier::config {

/// Whether the node is meant to be {csv: FILE}.
bool is_csv_map(const Node& node);

/// By the words that stand for them.
using ZipSources = std::map<std::string, ZipSource>;

/// Whether the node is meant to be {csv: FILE} or another of the sources.
bool is_zip_file(const Node& node, const ZipSources& sources);

/// The zip that such a node stands for; FILE is relative to `folder`. In a CSV file the first line names parameters, each further
/// one is a row; form: RFC 4180, UTF-8, with or without byte order mark, empty lines are skipped. A cell is what would stand in the
/// experiment file: 0.5, true, "[32, 16]". Every problem names file, line and column name.
Zip read_zip_file(const Node& node, const ZipSources& sources, const std::filesystem::path& folder, const task::Schema& schema,
                  const Place& place, Problems& problems);

}  // namespace espalier::config
