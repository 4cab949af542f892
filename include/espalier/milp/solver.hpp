// One way to ask any MILP solver. What comes back is a claim: verification is certify's.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "espalier/milp/model.hpp"

namespace espalier::milp {

enum class Reason {
  optimal,     ///< the incumbent is claimed optimal
  infeasible,  ///< no feasible point is claimed to exist
  unbounded,
  limit,    ///< stopped by the limit named beside it; there may be an incumbent
  stopped,  ///< stopped by the caller's callback or stop request
  error,    ///< the solver failed; detail says how
};
enum class Limit {
  none,
  time,
  nodes,
  iterations,
  memory,
  cutoff,
  tolerance,  ///< all is searched, but a part only up to a numerical tolerance that is above the gap
};

struct Termination {
  Reason reason = Reason::error;
  Limit limit = Limit::none;
  std::string detail;  ///< in words, with the solver's own codes
};
[[nodiscard]] std::string_view to_string(Reason reason);
[[nodiscard]] std::string_view to_string(Limit limit);

struct Incumbent {
  double objective = 0;   ///< in the model's sense, constant included
  std::vector<double> x;  ///< one value per column of the model
  double seconds = 0;     ///< wall time since the start of solve()
};

/// Called for every new incumbent, on the solver's thread; must not throw (what it throws is caught and ends the solve with Reason::error).
enum class CallbackAction { proceed, stop };
using IncumbentCallback = std::function<CallbackAction(const Incumbent&)>;

struct SolveOptions {
  double time_limit = infinity;  ///< wall seconds; 0 is legal: nothing but the start is looked at
  std::int64_t node_limit = -1;  ///< -1: none
  double relative_gap = 0;       ///< stop when |incumbent - bound| <= relative_gap * max(1e-10, |incumbent|)
  double absolute_gap = 1e-9;
  /// Only points strictly better than this are wanted; a start that is not is not passed on. If there is none: reason limit, limit cutoff,
  /// and dual_bound is the cutoff, or the worse value that the solver claims to be the optimum.
  std::optional<double> cutoff;
  /// A feasible point or empty. One that violates the model by more than 1e-6 is dropped, which Termination::detail tells.
  std::vector<double> start;
  std::uint64_t seed = 0;
  std::filesystem::path log_file;        ///< the solver's own output goes here; empty: nowhere
  IncumbentCallback on_incumbent;        ///< may be empty
  std::function<bool()> stop_requested;  ///< polled; may be empty
};

struct Result {
  Termination termination;
  std::optional<Incumbent> incumbent;  ///< best claimed point
  double dual_bound = 0;               ///< claimed bound on the optimum in the model's sense; +-infinity when there is none
  std::int64_t nodes = 0;
  std::int64_t iterations = 0;
  double seconds = 0;  ///< wall
};

/// solve() checks model and options once, then calls do_solve() of the back end, which may assume valid input. A bad model or option is
/// the caller's defect: base::Error is thrown, saying what was expected. What goes wrong later is reason error with a detail, and the
/// incumbents found so far are kept. Incumbents violate the model by at most 1e-5 (recomputed, as are their objectives); if the solver's
/// claim rests on a point that violates it by more, the reason is error. The start is the first incumbent. dual_bound is what the solver
/// claims; if the start or an incumbent is better by more than 1e-5 (1 + its value), the reason is error, naming both.
class Solver {
 public:
  virtual ~Solver() = default;
  [[nodiscard]] virtual std::string name() const = 0;  ///< "cbc", "external"
  [[nodiscard]] virtual std::string version() const = 0;
  [[nodiscard]] virtual bool reports_incumbents() const = 0;  ///< false: on_incumbent is called once, at the end
  [[nodiscard]] Result solve(const Model& model, const SolveOptions& options) const;

 private:
  [[nodiscard]] virtual Result do_solve(const Model& model, const SolveOptions& options) const = 0;
};

/// "cbc", "external:cbc", "external:glpsol" or "external:<command line>". The command line is split into words as a shell would ('...',
/// "..." and backslash quote; no shell is started), and {model} (an MPS file, see mps.hpp), {solution} (the file to write, in Cbc's or
/// GLPK's raw format) and {seconds} (those that are left, rounded down to whole ones, at least 1) are replaced in them. A program that is
/// still there 1 % or 0.05 s after the time limit is ended; a point that it has written by then counts. Throws base::Error(configuration)
/// naming the solvers there are.
[[nodiscard]] std::unique_ptr<Solver> make_solver(const std::string& name);
[[nodiscard]] std::vector<std::string> solver_names();
/// Throws base::Error(configuration) if that solver is a program which is not on this machine.
void require_program(const std::string& name);

}  // namespace espalier::milp
