// One linear program whose bounds and coefficients change between solves; warm-started dual simplex (Clp).
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "espalier/base/budget.hpp"
#include "espalier/milp/model.hpp"

namespace espalier::milp {

/// minimise or maximise the objective of a Model without its integrality. After construction only bounds, single coefficients and
/// the objective change; every solve starts from the last basis. What it says is a claim, up to Clp's tolerances of 1e-7.
class LinearProgram {
 public:
  enum class Status { optimal, infeasible, failed, interrupted };
  struct Solution {
    Status status = Status::failed;
    double objective = 0;           ///< in the model's sense, constant included; optimal only
    std::vector<double> x;          ///< by column
    std::vector<double> row_duals;  ///< change of the optimum per unit of the row's bound; optimal only
    std::int64_t iterations = 0;
  };

  /// Throws base::Error if the model does not pass Model::check().
  explicit LinearProgram(const Model& model);
  ~LinearProgram();
  LinearProgram(const LinearProgram&) = delete;
  LinearProgram& operator=(const LinearProgram&) = delete;

  void set_column_bounds(Column column, double lower, double upper);
  void set_row_bounds(int row, double lower, double upper);
  void set_coefficient(int row, Column column, double value);
  /// Another objective, in the same sense; the next solve starts from the last basis by the primal simplex method.
  void set_objective(std::vector<Term> terms, double constant);
  /// Prints nothing and leaves the process's descriptors alone. interrupted: the budget was spent first; the next solve goes on from there.
  Solution solve(const base::Budget& budget = {});

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace espalier::milp
