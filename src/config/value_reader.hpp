// From YAML nodes to checked values of a schema.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/document.hpp"
#include "config/problems.hpp"
#include "espalier/task/field.hpp"

namespace espalier::config {

/// One value of `field`, or a problem at `place`. An integer given for a real field becomes a real, so that 5 and 5.0 are one value.
std::optional<task::Value> read_value(const Node& node, const task::Field& field, const Place& place, Problems& problems);

/// A list of different values of `field`, written down or described (config/sequence.hpp); at least one.
std::vector<task::Value> read_values(const Node& node, const task::Field& field, const Place& place, Problems& problems);

/// Whether the node is a list of values of `field`, rather than one value.
bool is_list_of(const Node& node, const task::Field& field);

/// Called for each parameter that a map mentions, with the node of its value.
using LeafReader = std::function<void(const task::Field& field, const Node& node, const Place& place)>;

/// Walks a map whose keys are parameters, dotted ("train.epochs: 5") or nested ("train: {epochs: 5}"), and finds unknown and
/// twice-mentioned ones.
void read_leaves(const Node& node, const task::Schema& schema, const Place& place, Problems& problems, const LeafReader& leaf);

/// A map of parameters and single values, of the schema that the grid is made of.
task::Parameters read_parameters(const Node& node, const task::Schema& schema, const Place& place, Problems& problems);

/// The sentence for a parameter that does not exist.
std::string unknown_parameter(const std::string& name, const task::Schema& schema);

/// True if some field is called "<name>.<something>".
bool is_section(const task::Schema& schema, const std::string& name);

}  // namespace espalier::config
