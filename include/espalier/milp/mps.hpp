// The model as an MPS file that any solver reads.
#pragma once
#include <filesystem>
#include <iosfwd>
#include <string_view>

#include "espalier/base/budget.hpp"
#include "espalier/milp/model.hpp"

namespace espalier::milp {

/// Free MPS with shortest round-trip numbers: what is read back is bit-equal. Column j is named "c<j>" and row i "r<i>", so that any
/// name is legal in the model and solutions map back by number. MPS has no sense that all readers agree on: a maximisation is written as
/// the minimisation of the negated objective. The constant is the cost of a column "constant" fixed to 1, since readers differ in the
/// sign of a right-hand side of the objective (Cbc 2.10.8 subtracts it, GLPK 5.0 adds it). Rows without a finite bound are left out.
/// Every column has explicit bounds, since readers differ in the default upper bound of integers.
/// Source: the MPS formats of Cbc 2.10 (CoinMpsIO) and GLPK 5.0 (reference manual, appendix B).
/// False: the budget was spent first, and what was written is not whole.
[[nodiscard]] bool write_mps(const Model& model, std::ostream& out, const base::Budget& budget = {});
/// The same into a file; throws base::Error(io) naming it.
[[nodiscard]] bool write_mps_file(const Model& model, const std::filesystem::path& path, const base::Budget& budget = {});

/// Number of the column that write_mps() calls `name`, or -1.
[[nodiscard]] int mps_column(std::string_view name);

}  // namespace espalier::milp
