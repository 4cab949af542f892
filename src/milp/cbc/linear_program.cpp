#include "espalier/milp/linear_program.hpp"

#include <ClpEventHandler.hpp>
#include <ClpSimplex.hpp>
#include <OsiClpSolverInterface.hpp>
#include <utility>

#include "milp/cbc/osi_model.hpp"
#include "milp/cbc/poll_turns.hpp"

namespace espalier::milp {

namespace {

double finite(double bound) {
  if (bound == infinity) return COIN_DBL_MAX;
  return bound == -infinity ? -COIN_DBL_MAX : bound;
}

/// Ends the solve when the budget is spent. Clp keeps a clone of the handler and may make others.
class BudgetEvents final : public ClpEventHandler {
 public:
  explicit BudgetEvents(const base::Budget& budget) : budget_(budget) {}
  ClpEventHandler* clone() const override { return new BudgetEvents(*this); }
  int event(Event event) override {
    constexpr int proceed = -1, interrupt = 0;
    if (event != endOfIteration && event != endOfFactorization) return proceed;
    return turns_.next() && budget_.spent() ? interrupt : proceed;
  }

 private:
  const base::Budget& budget_;
  PollTurns turns_;
};

constexpr int stopped_by_event = 5;  ///< ClpModel::status()

}  // namespace

struct LinearProgram::Implementation {
  explicit Implementation(const Model& m) : model(m) {
    OsiClpSolverInterface osi;
    load(model, osi);
    clp = *osi.getModelPtr();
    clp.setLogLevel(0);
    clp.scaling(0);  // as everywhere here: with scaling, weights of 1e-42 give wrong answers
  }
  Model model;
  ClpSimplex clp;
  bool new_objective = false;
};

LinearProgram::LinearProgram(const Model& model) {
  model.check();
  implementation_ = std::make_unique<Implementation>(model);
}

LinearProgram::~LinearProgram() = default;

void LinearProgram::set_column_bounds(Column column, double lower, double upper) {
  implementation_->clp.setColumnBounds(column.index, finite(lower), finite(upper));
}

void LinearProgram::set_row_bounds(int row, double lower, double upper) {
  implementation_->clp.setRowBounds(row, finite(lower), finite(upper));
}

void LinearProgram::set_coefficient(int row, Column column, double value) {
  implementation_->clp.modifyCoefficient(row, column.index, value, true);
}

void LinearProgram::set_objective(std::vector<Term> terms, double constant) {
  Model& model = implementation_->model;
  const double sign = model.sense() == Sense::maximise ? -1.0 : 1.0;
  for (const Term& term : model.objective()) implementation_->clp.setObjectiveCoefficient(term.column.index, 0);
  for (const Term& term : terms) implementation_->clp.setObjectiveCoefficient(term.column.index, sign * term.coefficient);
  model.set_objective(model.sense(), std::move(terms), constant);
  implementation_->new_objective = true;
}

LinearProgram::Solution LinearProgram::solve(const base::Budget& budget) {
  const Model& model = implementation_->model;
  ClpSimplex& clp = implementation_->clp;
  const double sign = model.sense() == Sense::maximise ? -1.0 : 1.0;
  const BudgetEvents events(budget);
  clp.passInEventHandler(&events);
  if (std::exchange(implementation_->new_objective, false))
    clp.primal();  // the basis is still feasible
  else
    clp.dual();
  // The dual simplex may give up feasibility of the dual values at its end, when it takes its perturbation back.
  if (clp.status() == 0 && clp.numberDualInfeasibilities() > 0) clp.primal(1);
  const ClpEventHandler nothing;
  clp.passInEventHandler(&nothing);  // it holds a clone, and the budget is the caller's
  Solution solution{.iterations = clp.numberIterations()};
  const std::size_t columns = model.columns().size(), rows = model.rows().size();
  if (clp.status() == 0) {
    solution.status = Status::optimal;
    solution.x.assign(clp.primalColumnSolution(), clp.primalColumnSolution() + columns);
    solution.row_duals.assign(clp.dualRowSolution(), clp.dualRowSolution() + rows);
    for (double& dual : solution.row_duals) dual *= sign;
    solution.objective = model.objective_value(solution.x);
  } else if (clp.status() == 1) {
    solution.status = Status::infeasible;
  } else if (clp.status() == stopped_by_event) {
    solution.status = Status::interrupted;
  }
  return solution;
}

}  // namespace espalier::milp
