// Tells Cbc's ways to end apart. No single flag of Cbc says how it ended.
#pragma once
#include <optional>

#include "milp/cbc/search.hpp"

class CbcModel;
class OsiClpSolverInterface;

namespace espalier::milp {

/// How the LP relaxation ended, if the solve ends with it; nothing if its optimum was found.
std::optional<Termination> classify_root(const OsiClpSolverInterface& osi, const Search& search);

/// Sets result.termination and result.dual_bound after branchAndBound().
void conclude(const CbcModel& cbc, const Search& search, Result& result);

}  // namespace espalier::milp
