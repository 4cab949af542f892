#include "espalier/stages/imported_problems.hpp"

#include "espalier/base/error.hpp"
#include "espalier/engine/records.hpp"
#include "espalier/engine/solve.hpp"
#include "espalier/problem/file.hpp"
#include "espalier/stages/given_properties.hpp"
#include "espalier/stages/parameters.hpp"
#include "espalier/task/variants.hpp"
#include "stages/column.hpp"
#include "stages/solve_columns.hpp"
#include "stages/solver_stage.hpp"

namespace espalier::stages {

using task::Attempt;
using task::Field;
using task::Parameters;
using task::Schema;
using task::StageContext;
using task::StageResult;
using task::ValueType;

namespace {

const Schema& problem_parameters() {
  static const Schema fields = [] {
    Field file = column("problem.file", ValueType::text, "", "problem file (HDF5)");
    file.check_file = [](const std::filesystem::path& name) { static_cast<void>(problem::problem_names(name)); };
    Field rounds = column("problem.round_weights", ValueType::boolean, "",
                          "weights that float32 does not hold are rounded, else the problem is a failed row");
    rounds.default_value = false;
    return Schema{std::move(file), column("problem.name", ValueType::text, "", "name in the file"), std::move(rounds)};
  }();
  return fields;
}

/// Which problem, and how it is solved.
Schema solve_problem_parameters() {
  Schema fields = problem_parameters();
  for (Field& field : solve_fields())
    if (field.name != "solve.protocol") fields.push_back(std::move(field));  // there is no surrogate
  return fields;
}

class ImportProblemStage final : public task::Stage {
 public:
  std::string kind() const override { return "import_problem"; }
  std::uint32_t schema_version() const override { return 1; }
  std::string table() const override { return "problems"; }
  bool leaves_part() const override { return true; }
  const Schema& parameters() const override {
    static const Schema all = columns_of(problem_parameters());
    return all;
  }
  const Schema& columns() const override {
    using enum ValueType;
    static const Schema all{
        column("architecture", text, "", "widths of all layers, input to output"),
        column("norm", text, "", "of the region: l1, l2, linf, row-wise, or none for the box alone"),
        column("epsilon", real, "1", "radius of the region in that norm; no value with norm none"),
        column("label", integer, "", "class to leave; no value if the problem has functions"),
        column("target", integer, "", "class to reach; no value if it is any, or if the problem has functions"),
        column("functions", integer, "1", "linear functions of the outputs of which the largest is maximised; 1 with a target"),
        column("optimum", real, "1", "proven maximum, if the file says one"),
        column("weight_rounding", real, "1", "by how much a weight was rounded at most, with problem_round_weights")};
    return all;
  }
  const Schema& arrays() const override {
    static const Schema none;
    return none;
  }
  /// A file of somebody else may be damaged: it is read in a process of its own.
  std::optional<task::ResourceLimits> limits(const Attempt& attempt) const override {
    return task::ResourceLimits{.memory_mib = attempt.limits.memory_mib};
  }

  StageResult run(const Attempt& attempt, const StageContext& context) const override {
    const Parameters& p = attempt.spec.parameters;
    const auto file = context.output_directory / task::import_name(p.text("problem_file_hash"), p.text("problem_file"));
    nn::Rounding rounding;
    const bool rounds = p.boolean("problem_round_weights");
    const problem::Problem problem = problem::read_problem(file, p.text("problem_name"), rounds ? &rounding : nullptr);
    problem::write_problems(context.part_path, std::span(&problem, 1));
    StageResult row;
    row.values = {{"architecture", nn::architecture(problem.network)},
                  {"norm", std::string(base::word_of(problem::words(problem.norm), problem.norm))},
                  {"functions", static_cast<std::int64_t>(problem.objective().functions.size())}};
    if (problem.norm != problem::Norm::none) row.values.set("epsilon", problem.epsilon);
    if (problem.functions.empty()) row.values.set("label", std::int64_t{problem.label});
    if (problem.functions.empty() && problem.target) row.values.set("target", std::int64_t{*problem.target});
    if (problem.optimum) row.values.set("optimum", *problem.optimum);
    if (rounds) row.values.set("weight_rounding", rounding.largest_change);
    return row;
  }
};

class SolveImportedStage final : public SolverStage {
 public:
  explicit SolveImportedStage(std::shared_ptr<Environment> environment) : environment_(std::move(environment)) {}

  std::string kind() const override { return "solve_imported"; }
  std::uint32_t schema_version() const override { return 1; }
  std::string table() const override { return "solves"; }
  const Schema& parameters() const override {
    static const Schema all = columns_of(solve_problem_parameters());
    return all;
  }
  const Schema& columns() const override {
    static const Schema all = [] {
      Schema columns = solve_columns();
      std::erase_if(columns, [](const Field& field) {
        return field.name.starts_with("transfer_") || field.name.starts_with("dense_") || field.name.starts_with("embedded_") ||
               field.name.starts_with("finetuning_");
      });
      return columns;
    }();
    return all;
  }
  const Schema& arrays() const override {
    static const Schema all = [] {
      Schema arrays = solve_arrays();
      std::erase_if(arrays, [](const Field& field) { return field.name.starts_with("transfer_"); });
      return arrays;
    }();
    return all;
  }

  StageResult run(const Attempt& attempt, const StageContext& context) const override {
    const Parameters& p = attempt.spec.parameters;
    const problem::Problem problem = problem::read_problem(context.output_directory / attempt.inputs.at(0).name, p.text("problem_name"));
    const auto row = [&](const engine::SolveResult& result) {
      StageResult made{engine::result_record().values(result), outcome_arrays(problem, result)};
      made.values.set("time_limit", p.real("solve_time_limit"));
      made.values.set("problem", attempt.spec.parents.front().hex());
      if (problem.functions.empty()) made.values.set("label", std::int64_t{problem.label});
      if (problem.functions.empty() && problem.target) made.values.set("target", std::int64_t{*problem.target});
      if (problem.true_label) made.values.set("true_label", std::int64_t{*problem.true_label});
      return made;
    };
    engine::SolveSettings settings = settings_of(attempt, context);
    settings.seed += static_cast<std::uint64_t>(p.integer("repetition"));
    if (environment_->options().solver_logs) settings.log_file = log_file(attempt, context);
    if (environment_->options().save_problems) save(problem, attempt, context);
    const auto search = [&](const engine::SolveSettings& complete) { return engine::solve(problem, complete); };
    const engine::SolveResult result = solve_and_publish(context, std::move(settings), row, search);
    if (result.status == engine::Status::error) base::fail(base::ErrorKind::solver, "{}: {}", result.reason, result.detail);
    return row(result);
  }

 private:
  std::shared_ptr<Environment> environment_;
};

}  // namespace

const Schema& imported_problem_parameters() {
  static const Schema all = [] {
    const Schema of_both = limits_of_properties();
    Schema fields = property_parameters();
    for (Field& field : solve_problem_parameters()) {
      if (task::find_field(of_both, field.name) == nullptr)
        field.exists_if.insert(field.exists_if.begin(), {.parameter = "property.file", .values = {std::string("none")}});
      fields.push_back(std::move(field));
    }
    return fields;
  }();
  return all;
}

std::vector<task::StageRequest> expand_imported_problem(const Parameters& instance) {
  static const task::Variants variants(imported_problem_parameters());
  Parameters p = instance;
  variants.remove_absent(p);
  p.intern();
  if (p.text("property.file") != "none") return expand_given_property(p);
  try {
    engine::check_settings({.solver = p.text("solve.solver")});
  } catch (const base::Error& error) {
    base::fail(error.kind(), "solve.{}", error.what());
  }
  task::StageRequest import{
      .kind = "import_problem", .parameters = p.columns_of(std::vector<std::string>{"problem"}), .expected_seconds = 0.1};
  task::StageRequest solve{.kind = "solve_imported",
                           .parameters = p.columns_of(std::vector<std::string>{"problem", "solve", "repetition"}),
                           .parents = {0},
                           .expected_seconds = std::min(1.0, p.real("solve.time_limit")),
                           .most_seconds = p.real("solve.time_limit")};
  return {std::move(import), std::move(solve)};
}

std::unique_ptr<task::Stage> make_import_problem_stage() { return std::make_unique<ImportProblemStage>(); }
std::unique_ptr<task::Stage> make_solve_imported_stage(std::shared_ptr<Environment> environment) {
  return std::make_unique<SolveImportedStage>(std::move(environment));
}

}  // namespace espalier::stages
