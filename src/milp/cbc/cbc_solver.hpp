// COIN-OR Cbc as a library.
#pragma once
#include <memory>

#include "espalier/milp/solver.hpp"
#include "milp/cbc/settings.hpp"

namespace espalier::milp {

/// Drives CbcModel::branchAndBound on the model's own columns: no CglPreProcess, whose reductions have claimed wrong optima
/// (tests/upstream/cbc_wrong_optimum) and whose columns are not ours.
std::unique_ptr<Solver> make_cbc_solver(const CbcSettings& settings = {});

}  // namespace espalier::milp
