#include "stages/solver_stage.hpp"

#include <fmt/format.h>

#include "espalier/base/file.hpp"
#include "espalier/engine/records.hpp"
#include "espalier/engine/solve.hpp"
#include "espalier/problem/file.hpp"

namespace espalier::stages {

std::optional<task::ResourceLimits> SolverStage::limits(const task::Attempt& attempt) const {
  task::ResourceLimits limits = attempt.limits;
  limits.wall_seconds = attempt.spec.parameters.real("solve_time_limit");
  return limits;
}

bool SolverStage::leaves_no_trace(const task::Attempt& attempt) const {
  return engine::is_own_solver(attempt.spec.parameters.text("solve_solver"));
}

bool SolverStage::met_limit(const task::Outcome& outcome, const task::Parameters& parameters) const {
  if (outcome.kind == task::OutcomeKind::failed) return outcome.error_kind == "timeout";
  const task::Parameters& row = outcome.values;
  const double limit = row.contains("time_limit") ? row.real("time_limit") : parameters.real("solve_time_limit");
  return row.text("solve_limit") == "time" || (row.contains("cut_short") && row.text("cut_short") != "none") ||
         row.text("solve_status").ends_with("_claimed") || row.real("surrogate_seconds") >= limit / 2;
}

void SolverStage::cut_short(task::StageResult& partial, const task::CutShort& how) const {
  const bool late = how.cause == "time" || how.cause == "cpu";
  partial.values.set("solve_status", std::string(engine::to_string(late ? engine::Status::limit : engine::Status::error)));
  partial.values.set("solve_reason", late ? std::string("hard_limit") : how.cause);
  partial.values.set("solve_limit", late ? how.cause : std::string("none"));
  partial.values.set("solve_detail", how.message);
  partial.values.set("solve_seconds", how.wall_seconds);
}

engine::SolveSettings SolverStage::settings_of(const task::Attempt& attempt, const task::StageContext& context) {
  engine::SolveSettings settings = engine::settings_record().from(attempt.spec.parameters, "solve_");
  settings.stop_requested = context.stop_requested;
  settings.memory_limit_mib = attempt.limits.memory_mib;
  return settings;
}

std::filesystem::path SolverStage::log_file(const task::Attempt& attempt, const task::StageContext& context) {
  return context.output_directory / "log" / (attempt.spec.key.hex() + ".log");
}

void SolverStage::save(const problem::Problem& problem, const task::Attempt& attempt, const task::StageContext& context) {
  const auto directory = context.output_directory / "problems";
  base::make_directories(directory);
  problem::write_problems(directory / (attempt.spec.key.hex() + ".h5"), std::span(&problem, 1));
}

engine::SolveResult SolverStage::solve_and_publish(const task::StageContext& context, engine::SolveSettings settings,
                                                   const std::function<task::StageResult(const engine::SolveResult&)>& row,
                                                   const std::function<engine::SolveResult(const engine::SolveSettings&)>& solve) {
  context.publish(row({.status = engine::Status::limit, .reason = "running", .limit = "none"}));
  settings.on_incumbent = [&](const engine::SolveResult& so_far) { context.publish(row(so_far)); };
  engine::SolveResult result = solve(settings);
  if (result.reason != "stopped") return result;
  const std::string_view limit = context.limit_reached();
  if (limit.empty()) throw task::StageStopped{};
  result.reason = "limit";
  result.limit = limit;
  result.detail = fmt::format("asked to stop at its limit of {}: {}", limit == "cpu" ? "CPU time" : "time", result.detail);
  return result;
}

}  // namespace espalier::stages
