// COIN-OR Cbc as a library.
#pragma once
#include <memory>

#include "espalier/milp/solver.hpp"
#include "milp/cbc/settings.hpp"

namespace espalier::milp {

/// Drives CbcModel::branchAndBound on the model's own columns: no CglPreProcess, whose columns are not ours and whose incumbents cost an LP
/// each to map back. Clp's scaling is off: with it Cbc proves wrong optima of trained networks (tests/upstream/cbc_wrong_optimum).
/// One solve at a time in a process (reason error otherwise). While it runs the file descriptors 1 and 2 point to the log file, except
/// in the incumbent callback; stop_requested is polled at every node and must not print.
std::unique_ptr<Solver> make_cbc_solver(const CbcSettings& settings = {});

}  // namespace espalier::milp
