// The bounds that exact compression rests on, as arrays of /networks and /solves.
#pragma once
#include <vector>

#include "espalier/bounds/bounds.hpp"
#include "espalier/task/field.hpp"
#include "espalier/task/task.hpp"

namespace espalier::stages {

task::Schema proof_columns();
std::vector<task::Array> proof_arrays(const bounds::Bounds& proof);

}  // namespace espalier::stages
