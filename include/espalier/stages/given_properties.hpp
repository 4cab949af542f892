// Properties of given networks, as a stage: what a study of them is made of.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "espalier/task/stage.hpp"

namespace espalier::stages {

/// Which network and which property: network.file, property.file, which is "none" of an instance that asks for a problem, and verify.*.
const task::Schema& property_parameters();

/// Of the parameters solve.* and `repetition` (solve_fields()) those that a property has as well as a problem.
task::Schema limits_of_properties();

/// The only stage of an instance that has a property:
///   verify_property   whether an unsafe input exists (engine::verify); the limit of time is solve.time_limit
std::vector<task::StageRequest> expand_given_property(const task::Parameters& instance);

/// Rows in /verdicts.
std::unique_ptr<task::Stage> make_verify_property_stage();

/// The pairs of a list as VNN-COMP writes it, lines of network, property, seconds, as rows of parameters. Names are relative to the list; a
/// file that is there with .gz behind its name takes its place. Error(data) naming the line.
std::vector<std::vector<std::string>> read_instances(const std::filesystem::path& list);

}  // namespace espalier::stages
