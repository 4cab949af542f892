// What the stages that call a solver have in common.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "espalier/engine/result.hpp"
#include "espalier/engine/settings.hpp"
#include "espalier/problem/problem.hpp"
#include "espalier/task/stage.hpp"

namespace espalier::stages {

/// A solver may crash, hang or eat memory: every solve runs in a child process, and what it has verified until then is kept. Settings are
/// the parameters of engine::settings_record() with the prefix "solve_".
class SolverStage : public task::Stage {
 public:
  std::optional<task::ResourceLimits> limits(const task::Attempt& attempt) const override;
  /// Searches of our own, whose linear programs keep to themselves. What Cbc and other programs change is more than we know.
  bool leaves_no_trace(const task::Attempt& attempt) const override;
  std::string limit_parameter() const override { return "solve_time_limit"; }
  /// Of what has a share of the limit, cut_short names what used it up; a surrogate has half, and a claim that was not confirmed would have
  /// been given more time for that.
  bool met_limit(const task::Outcome& outcome, const task::Parameters& parameters) const override;
  void cut_short(task::StageResult& partial, const task::CutShort& how) const override;

 protected:
  static engine::SolveSettings settings_of(const task::Attempt& attempt, const task::StageContext& context);
  /// The solver's own output: a file of the output directory's log/.
  static std::filesystem::path log_file(const task::Attempt& attempt, const task::StageContext& context);
  /// Its question as a problem file of the output directory's problems/ (run --save-problems).
  static void save(const problem::Problem& problem, const task::Attempt& attempt, const task::StageContext& context);
  /// What `solve` returns. Before it runs and at each incumbent the `row` of what is known is published. A solve that was asked to stop has
  /// no result, or one that would be another the next time, unless a limit was the cause: throws StageStopped.
  static engine::SolveResult solve_and_publish(const task::StageContext& context, engine::SolveSettings settings,
                                               const std::function<task::StageResult(const engine::SolveResult&)>& row,
                                               const std::function<engine::SolveResult(const engine::SolveSettings&)>& solve);
};

}  // namespace espalier::stages
