// Problems that are given in files, as stages: what a study of them is made of.
#pragma once
#include <memory>
#include <vector>

#include "espalier/stages/environment.hpp"
#include "espalier/task/stage.hpp"

namespace espalier::stages {

/// Which problem, and how it is solved: problem.file, problem.name, problem.round_weights, solve.* and repetition. Or, in their place,
/// which property: property_parameters(), solve.time_limit, solve.seed and repetition.
const task::Schema& imported_problem_parameters();

/// The stages that an instance needs, those of a property by expand_given_property():
///   import_problem   one problem of a file (include/espalier/problem/file.hpp), read in a process of its own; the same for all settings
///   solve_imported   that problem solved
std::vector<task::StageRequest> expand_imported_problem(const task::Parameters& instance);

/// Rows in /problems; the part file holds the problem.
std::unique_ptr<task::Stage> make_import_problem_stage();
/// Rows in /solves.
std::unique_ptr<task::Stage> make_solve_imported_stage(std::shared_ptr<Environment> environment);

}  // namespace espalier::stages
