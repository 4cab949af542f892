// The columns and arrays that a solve's row has in /solves.
#pragma once
#include "espalier/task/field.hpp"

namespace espalier::stages {

const task::Schema& solve_columns();
const task::Schema& solve_arrays();

}  // namespace espalier::stages
