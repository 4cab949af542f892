// The stage that solves: Algorithm 1 of P2 on one problem.
#include <limits>

#include "espalier/base/error.hpp"
#include "espalier/engine/solve.hpp"
#include "espalier/experiments/parameters.hpp"
#include "espalier/experiments/stages.hpp"
#include "espalier/problem/file.hpp"

namespace espalier::experiments {

using task::Attempt;
using task::Field;
using task::Parameters;
using task::Schema;
using task::StageContext;
using task::StageResult;
using task::ValueType;

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

Field column(std::string name, ValueType type, std::string unit, std::string meaning) {
  return {
      .name = std::move(name), .type = type, .default_value = {}, .unit = std::move(unit), .meaning = std::move(meaning), .choices = {}};
}

Schema outcome_columns() {
  using enum ValueType;
  return {
      column("solve_status", text, "",
             "optimal, adversarial, robust, exhausted (surrogate solved to the end without success), limit or error"),
      column("solve_reason", text, "", "why the solve ended; hard_limit: its process had to be killed at the limit"),
      column("solve_limit", text, "",
             "the limit that ended it: time or cpu (the outcome then depends on the machine's speed), nodes, ... or none"),
      column("solve_detail", text, "", "the same in words"),
      column("adversarial", boolean, "", "an input was found that the dense network's forward pass verified as adversarial"),
      column("claimed_objective", real, "1", "margin of the embedded network at the last incumbent, as the solver claims; NaN if none"),
      column("verified_objective", real, "1", "largest margin of the dense network seen at a feasible input, by forward pass in float64"),
      column("verified_objective_float32", real, "1", "margin of the dense network at the same input in float32"),
      column("distance", real, "1", "L1 distance of that input from the clean image, recomputed"),
      column("class_changed", boolean, "", "the dense network's first class at that input differs from that at the clean image"),
      column("dual_bound", real, "1", "claimed upper bound on the embedded network's margin; +inf if none"),
      column("succeeds_at_clean_input", boolean, "", "the dense network's margin is positive at the clean image already"),
      column("first_adversarial_seconds", real, "s",
             "wall time from the start of the bounds to the first verified adversarial input; NaN if none"),
      column("incumbents", integer, "1", "incumbents evaluated on the dense network"),
      column("nodes", integer, "nodes", "branch-and-bound nodes"),
      column("iterations", integer, "1", "simplex iterations"),
      column("bounds_seconds", real, "s", "wall time of the pre-activation bounds"),
      column("embed_seconds", real, "s", "wall time of building the model"),
      column("solver_seconds", real, "s", "wall time inside the solver"),
      column("attack_seconds", real, "s", "wall time of the attack, part of solver_seconds"),
      column("total_seconds", real, "s", "wall time of bounds, model and solver"),
  };
}

Schema context_columns() {
  using enum ValueType;
  return {
      column("label", integer, "", "class to leave"),
      column("target", integer, "", "class to reach"),
      column("true_label", integer, "", "class in the data set"),
      column("dense_network", text, "", "key of the dense network's row in /networks"),
      column("embedded_network", text, "", "key of the embedded network's row in /networks; equals dense_network in the dense arm"),
      column("dense_test_accuracy", real, "1", "of the dense network"),
      column("embedded_test_accuracy", real, "1", "of the embedded network"),
      column("model_columns", integer, "1", "columns of the MILP"),
      column("model_rows", integer, "1", "rows of the MILP"),
      column("model_binaries", integer, "1", "binary columns of the MILP"),
      column("model_nonzeros", integer, "1", "nonzeros of the MILP's rows"),
      column("unstable_neurons", integer, "1", "neurons whose sign the bounds leave open"),
      column("unstable_by_layer", integer_list, "1", "the same by hidden layer, first to last"),
      column("always_on_neurons", integer, "1", "neurons that are linear over the ball"),
      column("always_off_neurons", integer, "1", "neurons that are zero over the ball"),
      column("constant_neurons", integer, "1", "neurons whose pre-activation is constant over the ball"),
      column("solver_version", text, "", "name and version of the solver"),
  };
}

const Schema& solve_columns() {
  static const Schema columns = [] {
    Schema all = outcome_columns();
    const Schema context = context_columns();
    all.insert(all.end(), context.begin(), context.end());
    return all;
  }();
  return columns;
}

const Schema& solve_arrays() {
  static const Schema arrays{
      column("clean_input", ValueType::real, "1", "the clean image, row-major, in [0, 1]"),
      column("adversarial_input", ValueType::real, "1", "the first verified adversarial input"),
      column("best_input", ValueType::real, "1", "the feasible input of the largest verified margin"),
      column("incumbent_seconds", ValueType::real, "s", "time of each incumbent since the start of the bounds"),
      column("incumbent_claimed", ValueType::real, "1", "margin of the embedded network at each incumbent, as the solver claims"),
      column("incumbent_verified", ValueType::real, "1", "margin of the dense network at each incumbent, by forward pass"),
  };
  return arrays;
}

engine::SolveSettings settings_of(const Parameters& p) {
  engine::SolveSettings settings{.solver = p.text("solve_solver"),
                                 .formulation = p.text("solve_formulation"),
                                 .bounds = p.text("solve_bounds"),
                                 .goal = engine::parse_goal(p.text("solve_goal")),
                                 .on_success = engine::parse_on_success(p.text("solve_on_success")),
                                 .start = engine::parse_start(p.text("solve_start")),
                                 .time_limit_seconds = p.real("solve_time_limit"),
                                 .node_limit = p.integer("solve_node_limit")};
  settings.seed = static_cast<std::uint64_t>(p.integer("solve_seed") + p.integer("repetition"));
  return settings;
}

problem::Problem make_problem(const Parameters& p, const nn::Network& dense, const nn::Network& embedded, const data::Dataset& data) {
  const auto index = static_cast<std::size_t>(p.integer("problem_sample_index"));
  problem::Problem problem;
  problem.name = fmt::format("{}_{}_{}", p.text("dataset_name"), p.integer("dataset_side"), index);
  problem.network = dense;
  problem.input = data.train.input(index);
  problem.epsilon = p.real("problem_epsilon");
  const problem::Labels labels = problem::choose_labels(p.text("problem_label_source") == "dense" ? dense : embedded, problem.input);
  problem.label = labels.label;
  problem.target = labels.target;
  problem.dataset = p.text("dataset_name");
  problem.input_side = p.integer("dataset_side");
  problem.sample_index = p.integer("problem_sample_index");
  problem.true_label = data.train.labels[index];
  return problem;
}

Parameters outcome_values(const engine::SolveResult& r) {
  return Parameters{
      {"solve_status", std::string(engine::to_string(r.status))},
      {"solve_reason", r.reason},
      {"solve_limit", r.limit},
      {"solve_detail", r.detail},
      {"adversarial", r.adversarial_input.has_value()},
      {"claimed_objective", r.claimed_objective.value_or(nan)},
      {"verified_objective", r.verified_objective.value_or(nan)},
      {"verified_objective_float32", r.verified_objective_float32.value_or(nan)},
      {"distance", r.distance.value_or(nan)},
      {"class_changed", r.class_changed.value_or(false)},
      {"dual_bound", r.dual_bound},
      {"succeeds_at_clean_input", r.succeeds_at_clean_input},
      {"first_adversarial_seconds", r.first_adversarial_seconds.value_or(nan)},
      {"incumbents", r.incumbents},
      {"nodes", r.nodes},
      {"iterations", r.iterations},
      {"bounds_seconds", r.bounds_seconds},
      {"embed_seconds", r.embed_seconds},
      {"solver_seconds", r.solver_seconds},
      {"attack_seconds", r.attack_seconds},
      {"total_seconds", r.total_seconds},
      {"model_columns", r.size.columns},
      {"model_rows", r.size.rows},
      {"model_binaries", r.size.binaries},
      {"model_nonzeros", r.size.nonzeros},
      {"unstable_neurons", r.neurons.unstable},
      {"unstable_by_layer", r.unstable_by_layer},
      {"always_on_neurons", r.neurons.always_on},
      {"always_off_neurons", r.neurons.always_off},
      {"constant_neurons", r.neurons.constant},
      {"solver_version", r.solver_version},
  };
}

std::vector<double> to_vector(const Eigen::VectorXd& v) { return {v.data(), v.data() + v.size()}; }

std::vector<task::Array> outcome_arrays(const problem::Problem& problem, const engine::SolveResult& r) {
  std::vector<task::Array> arrays{{"clean_input", to_vector(problem.input)}};
  if (r.adversarial_input) arrays.push_back({"adversarial_input", to_vector(*r.adversarial_input)});
  if (r.input) arrays.push_back({"best_input", to_vector(*r.input)});
  task::Array seconds{"incumbent_seconds", {}}, claimed{"incumbent_claimed", {}}, verified{"incumbent_verified", {}};
  for (const engine::IncumbentRecord& incumbent : r.trace) {
    seconds.values.push_back(incumbent.seconds);
    claimed.values.push_back(incumbent.surrogate_objective);
    verified.values.push_back(incumbent.dense_margin);
  }
  for (task::Array& trace : {std::ref(seconds), std::ref(claimed), std::ref(verified)}) arrays.push_back(std::move(trace));
  return arrays;
}

class SolveStage : public task::Stage {
 public:
  explicit SolveStage(std::shared_ptr<Environment> environment)
      : environment_(std::move(environment)),
        parameters_(columns_of_sections({"dataset", "network", "train", "prune", "problem", "solve"})) {}

  std::string kind() const override { return "solve"; }
  std::uint32_t schema_version() const override { return 2; }
  std::string table() const override { return "solves"; }
  const Schema& parameters() const override { return parameters_; }
  const Schema& columns() const override { return solve_columns(); }
  const Schema& arrays() const override { return solve_arrays(); }

  /// A solver may crash, hang or eat memory: every solve has a process of its own.
  std::optional<task::ResourceLimits> limits(const Attempt& attempt) const override {
    task::ResourceLimits limits = attempt.limits;
    limits.wall_seconds = attempt.spec.parameters.real("solve_time_limit");
    return limits;
  }

  void prepare(const Attempt& attempt, const std::filesystem::path& output_directory) const override {
    const Parameters& p = attempt.spec.parameters;
    for (const task::PartFile& input : attempt.inputs) environment_->network(output_directory / input.name);
    environment_->dataset(p.text("dataset_name"), static_cast<int>(p.integer("dataset_side")));
  }

  void cut_short(StageResult& partial, const task::CutShort& how) const override {
    const bool late = how.cause == "time" || how.cause == "cpu";
    partial.values.set("solve_status", std::string(engine::to_string(late ? engine::Status::limit : engine::Status::error)));
    partial.values.set("solve_reason", late ? std::string("hard_limit") : how.cause);
    partial.values.set("solve_limit", late ? how.cause : std::string("none"));
    partial.values.set("solve_detail", how.message);
    partial.values.set("total_seconds", how.wall_seconds);
  }

  StageResult run(const Attempt& attempt, const StageContext& context) const override {
    const Parameters& p = attempt.spec.parameters;
    const auto dense = environment_->network(context.output_directory / attempt.inputs.at(0).name);
    const bool pruned = attempt.inputs.size() > 1;
    const auto embedded = pruned ? environment_->network(context.output_directory / attempt.inputs.at(1).name) : dense;
    const auto data = environment_->dataset(p.text("dataset_name"), static_cast<int>(p.integer("dataset_side")));
    const problem::Problem problem = make_problem(p, dense->network, embedded->network, *data);

    engine::SolveSettings settings = settings_of(p);
    settings.stop_requested = context.stop_requested;
    if (environment_->options().solver_logs) settings.log_file = context.output_directory / "log" / (attempt.spec.key.hex() + ".log");
    if (environment_->options().save_problems) save(problem, attempt, context);

    const auto row = [&](const engine::SolveResult& result) {
      StageResult made{outcome_values(result), outcome_arrays(problem, result)};
      made.values.set("label", std::int64_t{problem.label});
      made.values.set("target", std::int64_t{problem.target});
      made.values.set("true_label", std::int64_t{*problem.true_label});
      made.values.set("dense_network", attempt.spec.parents.front().hex());
      made.values.set("embedded_network", attempt.spec.parents.back().hex());
      made.values.set("dense_test_accuracy", dense->test_accuracy);
      made.values.set("embedded_test_accuracy", embedded->test_accuracy);
      return made;
    };
    context.publish(row({.status = engine::Status::limit, .reason = "running", .limit = "none"}));
    settings.on_incumbent = [&](const engine::SolveResult& so_far) { context.publish(row(so_far)); };

    engine::SolveResult result = pruned ? engine::solve(problem, embedded->network, settings) : engine::solve(problem, settings);
    if (result.reason == "stopped") note_limit(context, result);
    if (result.status == engine::Status::error) base::fail(base::ErrorKind::solver, "{}: {}", result.reason, result.detail);
    return row(result);
  }

 private:
  /// A solve that was asked to stop has no result, or one that would be another the next time, unless a limit was the cause.
  static void note_limit(const StageContext& context, engine::SolveResult& result) {
    const std::string_view limit = context.limit_reached();
    if (limit.empty()) throw task::StageStopped{};
    result.reason = "limit";
    result.limit = limit;
    result.detail = fmt::format("asked to stop at its limit of {}: {}", limit == "cpu" ? "CPU time" : "time", result.detail);
  }

  static void save(const problem::Problem& problem, const Attempt& attempt, const StageContext& context) {
    const auto directory = context.output_directory / "problems";
    std::filesystem::create_directories(directory);
    problem::write_problems(directory / (attempt.spec.key.hex() + ".h5"), std::vector{problem});
  }

  std::shared_ptr<Environment> environment_;
  Schema parameters_;
};

}  // namespace

std::unique_ptr<task::Stage> make_solve_stage(std::shared_ptr<Environment> environment) {
  return std::make_unique<SolveStage>(std::move(environment));
}

}  // namespace espalier::experiments
