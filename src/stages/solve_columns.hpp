// The columns and arrays that a solve's row has in /solves.
#pragma once
#include <vector>

#include "espalier/engine/result.hpp"
#include "espalier/problem/problem.hpp"
#include "espalier/task/field.hpp"
#include "espalier/task/task.hpp"

namespace espalier::stages {

const task::Schema& solve_columns();
const task::Schema& solve_arrays();

std::vector<double> to_vector(const Eigen::VectorXd& v);
/// Clean, adversarial and best input, the traces, the proof of a compression.
std::vector<task::Array> outcome_arrays(const problem::Problem& problem, const engine::SolveResult& result);

}  // namespace espalier::stages
