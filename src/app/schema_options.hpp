// Command line options made from a schema.
#pragma once
#include <CLI/CLI.hpp>
#include <memory>

#include "espalier/task/field.hpp"
#include "espalier/task/value.hpp"

namespace espalier::app {

/// Adds an option --name-of-field for each field, with its meaning, legal values and default (a flag for a boolean). What is given is
/// checked and stands in `values` after parsing, beside the defaults of what is not.
void add_options(CLI::App& command, const task::Schema& schema, task::Parameters& values);

/// Throws Error(configuration) if an option was given that does not exist beside the others (task::Variants), and takes the rest of what
/// does not exist out of `values`.
void keep_what_exists(const CLI::App& command, const task::Schema& schema, task::Parameters& values);

}  // namespace espalier::app
