// From YAML nodes to blocks.
#pragma once
#include <filesystem>
#include <span>
#include <string>

#include "config/csv.hpp"
#include "config/document.hpp"
#include "config/problems.hpp"
#include "espalier/config/experiment.hpp"

namespace espalier::config {

/// Finds keys of a map that are not among `legal`, and says what is.
void check_keys(const Node& node, std::span<const std::string> legal, const task::Schema& schema, const Place& place, Problems& problems);

/// Reads the outermost block of an experiment: parameters, when, exclude, repetitions and, as its cases, grid. Files that it names are
/// relative to `folder`.
Block read_root(const Node& document, const task::Schema& schema, const ZipSources& sources, const std::filesystem::path& folder,
                Problems& problems);

/// Finds parameters that are given by two competing constructs: an axis inside an axis, a conditional that sets an axis, ...
void check_scopes(const Block& root, Problems& problems);

}  // namespace espalier::config
