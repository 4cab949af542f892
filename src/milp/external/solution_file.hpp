// The solution files that external solvers write, recognised by their content.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "espalier/milp/solver.hpp"

namespace espalier::milp {

struct SolutionFile {
  Termination termination;               ///< what the file says; reason error for a status that is not understood
  std::optional<std::vector<double>> x;  ///< absent if the file holds no point that the solver calls feasible
  std::optional<double> objective;       ///< reason optimal: the optimum as the file states it, in the model's sense
};

/// `content` of a file that `cbc ... solution FILE` or `glpsol ... --write FILE` wrote for a model written by write_mps(). `output` is what
/// the program printed: GLPK's files say "undefined" for an infeasible, an unbounded and an unfinished problem alike. Integer columns are
/// rounded and columns clipped to their bounds by at most 1e-5, because the files hold rounded decimals (Cbc: 8 digits). Throws
/// Error(solver) naming line and text if the format is unknown or damaged. Sources: Cbc 2.10.8 (CbcSolver.cpp, action SOLUTION); GLPK 5.0
/// reference manual, glp_write_mip, glp_write_sol.
SolutionFile parse_solution(const Model& model, std::string_view content, std::string_view output);

}  // namespace espalier::milp
