// What a solve takes and gives, as lists of named values.
#pragma once
#include "espalier/engine/result.hpp"
#include "espalier/engine/settings.hpp"
#include "espalier/record/record.hpp"

namespace espalier::engine {

/// What a user may set of a solve. With prefix "solve." these are the keys of experiment files, with "solve_" their columns, with "--" the
/// options of `espalier solve`. What only a MILP solver reads does not exist beside solvers bab and attack.
[[nodiscard]] const record::Record<SolveSettings>& settings_record();

/// What a solve found, but for its arrays. The names are those of the columns of /solves; JSON keys are without "solve_". Values that a
/// solve does not have are absent, and an infinite dual bound is a value.
[[nodiscard]] const record::Record<SolveResult>& result_record();

}  // namespace espalier::engine
