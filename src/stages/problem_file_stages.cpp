// The stages of `espalier solve`: reading a problem file, which may be damaged or malicious, and solving one problem of it.
#include <fmt/ranges.h>

#include "espalier/base/error.hpp"
#include "espalier/engine/records.hpp"
#include "espalier/engine/solve.hpp"
#include "espalier/problem/file.hpp"
#include "espalier/stages/stages.hpp"
#include "stages/column.hpp"
#include "stages/solver_stage.hpp"

namespace espalier::stages {

using task::Attempt;
using task::Schema;
using task::StageContext;
using task::StageResult;
using task::ValueType;

namespace {

class ListProblemsStage final : public task::Stage {
 public:
  std::string kind() const override { return "list_problems"; }
  std::uint32_t schema_version() const override { return 1; }
  std::string table() const override { return ""; }
  const Schema& parameters() const override {
    static const Schema all{column("file", ValueType::text, "", "problem file")};
    return all;
  }
  const Schema& columns() const override {
    static const Schema all{column("names", ValueType::text, "", "of its problems, sorted, with / between them: no name has one")};
    return all;
  }
  const Schema& arrays() const override {
    static const Schema none;
    return none;
  }
  std::optional<task::ResourceLimits> limits(const Attempt& attempt) const override {
    return task::ResourceLimits{.memory_mib = attempt.limits.memory_mib};
  }

  StageResult run(const Attempt& attempt, const StageContext&) const override {
    StageResult result;
    result.values.set("names", fmt::format("{}", fmt::join(problem::problem_names(attempt.spec.parameters.text("file")), "/")));
    return result;
  }
};

/// A file that is gone, or that this rank does not see, is no reason to end the run: other problems are solved, and a rank that fails one
/// after the other is found out by a second opinion (dispatch).
problem::Problem read_problem(const task::Parameters& p, nn::Rounding* rounding) {
  try {
    return problem::read_problem(p.text("file"), p.text("problem"), rounding);
  } catch (const base::Error& error) {
    if (error.kind() != base::ErrorKind::io) throw;
    throw base::Error(base::ErrorKind::data, error.what());
  }
}

class SolveProblemStage final : public SolverStage {
 public:
  std::string kind() const override { return "solve_problem"; }
  std::uint32_t schema_version() const override { return 1; }
  std::string table() const override { return ""; }
  const Schema& parameters() const override {
    static const Schema all = [] {
      Schema fields{
          column("file", ValueType::text, "", "problem file"), column("problem", ValueType::text, "", "name in the file: any bytes"),
          column("round_weights", ValueType::boolean, "", "weights that float32 does not hold are rounded, else the problem is refused"),
          column("log", ValueType::boolean, "", "whether the solver's own output is kept")};
      const Schema settings = engine::settings_record().parameters("solve_");
      fields.insert(fields.end(), settings.begin(), settings.end());
      return fields;
    }();
    return all;
  }
  const Schema& columns() const override {
    static const Schema all = [] {
      Schema fields = engine::result_record().columns();
      fields.push_back(column("weight_rounding", ValueType::real, "1", "by how much a weight was rounded at most, with round_weights"));
      return fields;
    }();
    return all;
  }
  const Schema& arrays() const override {
    static const Schema none;
    return none;
  }

  StageResult run(const Attempt& attempt, const StageContext& context) const override {
    const task::Parameters& p = attempt.spec.parameters;
    nn::Rounding rounding;
    const bool rounds = p.boolean("round_weights");
    const problem::Problem problem = read_problem(p, rounds ? &rounding : nullptr);
    const auto row = [&](const engine::SolveResult& result) {
      StageResult made{engine::result_record().values(result), {}};
      if (rounds) made.values.set("weight_rounding", rounding.largest_change);
      return made;
    };
    engine::SolveSettings settings = settings_of(attempt, context);
    if (p.boolean("log")) settings.log_file = log_file(attempt, context);
    const auto search = [&](const engine::SolveSettings& complete) { return engine::solve(problem, complete); };
    return row(solve_and_publish(context, std::move(settings), row, search));
  }
};

}  // namespace

task::StageRegistry make_problem_file_stages() {
  task::StageRegistry registry;
  registry.add(std::make_unique<ListProblemsStage>());
  registry.add(std::make_unique<SolveProblemStage>());
  return registry;
}

}  // namespace espalier::stages
