// Every parameter of an instance, described once: YAML keys, defaults, checks, columns and the reference are made from this list.
#pragma once
#include "espalier/task/field.hpp"

namespace espalier::stages {

/// All parameters of the stages, named section.name, from which studies choose. Sections: dataset, network, train, prune, select, problem,
/// solve.
const task::Schema& parameter_schema();

/// The parameters solve.* of the engine and `repetition`.
task::Schema solve_fields();

/// Parameters as columns of a results table: "train.seed" becomes "train_seed", and behind the name of a file stands its hash.
task::Schema columns_of(const task::Schema& fields);

/// The fields of the given sections as columns of a results table: "train.seed" becomes "train_seed". Behind
/// dataset_name stands dataset_hash, which no file sets: data::content_hash of that name.
task::Schema columns_of_sections(const std::vector<std::string>& sections);

/// "train" of "train.seed"; "solve" of a name without a dot.
std::string section_of(const std::string& parameter);

/// Column name of a parameter.
std::string column_name(std::string parameter);

}  // namespace espalier::stages
