// Our model in Osi's form. Everything Cbc sees is a minimisation.
#pragma once
#include <vector>

#include "espalier/milp/model.hpp"

class OsiClpSolverInterface;

namespace espalier::milp {

/// Columns keep their order, so that Cbc's solutions are ours. A maximisation is handed over with its objective negated (Cbc has had
/// defects with cutoffs and starts of maximisations). The constant stays here: Cbc's values are  sign * (ours - constant).
void load(const Model& model, OsiClpSolverInterface& osi);

/// The objective value that Cbc works with for our value, and back.
double to_cbc_objective(const Model& model, double value);
double from_cbc_objective(const Model& model, double value);

}  // namespace espalier::milp
