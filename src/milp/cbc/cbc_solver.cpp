#include "milp/cbc/cbc_solver.hpp"

#include <CbcConfig.h>

#include <CbcModel.hpp>
#include <OsiClpSolverInterface.hpp>
#include <atomic>
#include <cmath>

#include "espalier/base/error.hpp"
#include "milp/cbc/osi_model.hpp"
#include "milp/cbc/search.hpp"
#include "milp/cbc/termination.hpp"

namespace espalier::milp {
namespace {

/// Seconds over the time limit that Cbc gets to stop by itself before the LP it works on is cut short.
constexpr double lp_grace = 0.05;

/// Cbc has global state (https://github.com/coin-or/Cbc/issues/332), and so have the file descriptors we redirect.
class OneAtATime {
 public:
  OneAtATime() {
    if (busy_.test_and_set())
      base::fail(base::ErrorKind::solver, "one Cbc solve at a time in a process is expected, found a second one started during the first");
  }
  ~OneAtATime() { busy_.clear(); }
  OneAtATime(const OneAtATime&) = delete;
  OneAtATime& operator=(const OneAtATime&) = delete;

 private:
  static inline std::atomic_flag busy_;
};

void set_seed(std::uint64_t seed, CbcModel& cbc) {
  constexpr int keep_seed_of_lp_solver = 4194304;
  const int folded = static_cast<int>((seed ^ (seed >> 32)) & 0x3fffffff) + 1;
  cbc.setSpecialOptions(cbc.specialOptions() | keep_seed_of_lp_solver);
  cbc.setRandomSeed(folded);
  dynamic_cast<OsiClpSolverInterface&>(*cbc.solver()).getModelPtr()->setRandomSeed(static_cast<unsigned>(folded));
}

void set_limits(const SolveOptions& o, double seconds_left, CbcModel& cbc) {
  cbc.setUseElapsedTime(true);
  if (o.time_limit < infinity) cbc.setMaximumSeconds(std::max(1e-3, seconds_left));
  if (o.node_limit >= 0) cbc.setMaximumNodes(static_cast<int>(std::min<std::int64_t>(o.node_limit, 2147483647)));
  cbc.setPrintFrequency(50);  // of treeStatus events, from which the dual bound is taken
  cbc.setAllowableGap(o.absolute_gap);
  cbc.setAllowableFractionGap(o.relative_gap);
}

void set_priorities(const Model& model, CbcModel& cbc) {
  std::vector<int> priorities;
  bool differ = false;
  for (const ColumnData& column : model.columns()) {
    if (!column.integer) continue;
    priorities.push_back(1000 + column.branching_priority);
    differ = differ || column.branching_priority != 0;
  }
  if (differ) cbc.passInPriorities(priorities.data(), false);
}

/// Clp scales rows and columns geometrically and works to its tolerances in the scaled space. Trained networks have weights from 1e-42
/// (pixels that are always dark) to 1, so that the scale factors span many powers of ten: inside branch and bound Clp then calls LPs
/// optimal whose unscaled duals are infeasible (secondary status 3), with bounds off by up to 2.3 in 60 % of the nodes, and the optimum is
/// pruned away. Unscaled, no such LP was seen (tests/upstream/cbc_wrong_optimum), and the search is faster.
void switch_scaling_off(OsiClpSolverInterface& osi) {
  osi.setHintParam(OsiDoScale, false, OsiHintTry);
  osi.getModelPtr()->scaling(0);
}

/// Cbc 2.10.8 has lost starts without a word (fixed later: bc74ac62, 87e444b0, 1d2249f8), so it is asked whether it has this one.
void pass_start(const Model& model, const std::vector<double>& start, CbcModel& cbc) {
  const double value = to_cbc_objective(model, model.objective_value(start));
  cbc.setBestSolution(start.data(), static_cast<int>(start.size()), value);
  if (cbc.bestSolution() == nullptr || cbc.getMinimizationObjValue() != value)
    base::fail(base::ErrorKind::solver, "a start of value {:.17g} was passed, but Cbc has {:.17g}", value, cbc.getMinimizationObjValue());
}

class CbcSolver final : public Solver {
 public:
  explicit CbcSolver(const CbcSettings& settings) : settings_(settings) {}
  std::string name() const override { return "cbc"; }
  std::string version() const override { return CBC_VERSION; }
  bool reports_incumbents() const override { return true; }

 private:
  Result do_solve(const Model& model, const SolveOptions& options) const override;
  void search_tree(const Model& model, OsiClpSolverInterface& osi, const std::shared_ptr<Search>& search, Result& result) const;
  CbcSettings settings_;
};

/// Solves the LP relaxation; true if the search should go on, else result.termination is set.
bool solve_root(const Model& model, OsiClpSolverInterface& osi, const std::shared_ptr<Search>& search, Result& result) {
  const ClpEvents events(search, 0);
  osi.getModelPtr()->passInEventHandler(&events);
  osi.initialSolve();
  result.iterations = osi.getIterationCount();
  const auto termination = classify_root(osi, *search);
  if (termination) {
    result.termination = *termination;
    if (termination->reason == Reason::infeasible) result.dual_bound = worst_value(model.sense());
    return false;
  }
  result.dual_bound = from_cbc_objective(model, osi.getObjValue());
  return true;
}

void CbcSolver::search_tree(const Model& model, OsiClpSolverInterface& osi, const std::shared_ptr<Search>& search, Result& result) const {
  const SolveOptions& options = search->options;
  const ClpEvents lp_events(search, lp_grace);
  osi.getModelPtr()->passInEventHandler(&lp_events);
  CbcModel cbc(osi);
  cbc.setLogLevel(options.log_file.empty() ? 0 : 1);
  cbc.solver()->setHintParam(OsiDoReducePrint, true, OsiHintTry);
  set_limits(options, options.time_limit - search->seconds(), cbc);
  set_priorities(model, cbc);
  apply(settings_, cbc);
  // No clean-up LP after the search: it is not limited (https://github.com/coin-or/Cbc/issues/507), and we have the points already.
  cbc.setSpecialOptions(cbc.specialOptions() | 8388608);
  if (options.seed != 0) set_seed(options.seed, cbc);
  if (options.cutoff) cbc.setCutoff(to_cbc_objective(model, *options.cutoff));
  if (!options.start.empty()) pass_start(model, options.start, cbc);
  const CbcEvents events(search);
  cbc.passInEventHandler(&events);
  search->trusted_bound = osi.getObjValue();

  cbc.branchAndBound();

  if (cbc.bestSolution() != nullptr && !search->lp_interrupted) search->offer(cbc.bestSolution());
  result.nodes = cbc.getNodeCount();
  result.iterations += cbc.getIterationCount();
  conclude(cbc, *search, result);
}

Result CbcSolver::do_solve(const Model& model, const SolveOptions& options) const {
  const OneAtATime lock;
  OutputCapture capture(options.log_file);
  const auto search = std::make_shared<Search>(model, options, capture);
  Result result;
  result.dual_bound = -worst_value(model.sense());
  if (!options.start.empty()) search->offer(options.start.data());
  OsiClpSolverInterface osi;
  osi.messageHandler()->setLogLevel(options.log_file.empty() ? 0 : 1);
  osi.setDblParam(OsiPrimalTolerance, settings_.primal_tolerance);
  osi.setDblParam(OsiDualTolerance, settings_.dual_tolerance);
  if (!settings_.scaling) switch_scaling_off(osi);
  load(model, osi);
  if (search->out_of_time()) {
    result.termination = {.reason = Reason::limit, .limit = Limit::time, .detail = "the time was over when the model was loaded"};
    result.incumbent = search->recorder.best();
    return result;
  }
  if (solve_root(model, osi, search, result)) search_tree(model, osi, search, result);
  result.incumbent = search->recorder.best();
  return result;
}

}  // namespace

std::unique_ptr<Solver> make_cbc_solver(const CbcSettings& settings) { return std::make_unique<CbcSolver>(settings); }

}  // namespace espalier::milp
