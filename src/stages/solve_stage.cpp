// The stage that solves: Algorithm 1 of P2 on one problem.
#include "espalier/base/error.hpp"
#include "espalier/base/hash.hpp"
#include "espalier/engine/records.hpp"
#include "espalier/engine/solve.hpp"
#include "espalier/stages/parameters.hpp"
#include "espalier/stages/stages.hpp"
#include "stages/problem_parameters.hpp"
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

/// A parameter that exists in this variant and has this value.
bool is_given(const Parameters& p, std::string_view name, std::string_view word) { return p.contains(name) && p.text(name) == word; }

/// What solves have in common that answer the same question, whatever is searched for it, and how.
std::string problem_id(const problem::Problem& problem, Split split, const std::string& dense_network) {
  return base::digest(fmt::format("{} {} {} {} {} {} {}", dense_network, base::word_of(words(split), split), *problem.sample_index,
                                  base::word_of(problem::words(problem.norm), problem.norm), problem.epsilon, problem.label,
                                  problem.target ? fmt::format("{}", *problem.target) : "any"))
      .hex();
}

problem::Problem make_problem(const Parameters& p, const ProblemParameters& asked, const nn::Network& dense, const nn::Network& embedded,
                              const std::vector<task::Array>& payload) {
  problem::Problem problem;
  const bool is_test = asked.split == Split::test;
  problem.name = fmt::format("{}_{}_{}{}", p.text("dataset_name"), p.integer("dataset_side"), is_test ? "test_" : "", asked.sample_index);
  if (is_test) problem.note = fmt::format("image {} of the test images", asked.sample_index);
  problem.network = dense;
  const std::vector<double>& image = payload.at(0).values;
  problem.input = Eigen::Map<const Eigen::VectorXd>(image.data(), static_cast<Eigen::Index>(image.size()));
  problem.norm = asked.region;
  problem.epsilon = asked.epsilon;
  const problem::Labels labels = problem::choose_labels(asked.label_source == LabelSource::surrogate ? embedded : dense, problem.input);
  problem.label = labels.label;
  if (asked.target == TargetSource::second) problem.target = labels.target;
  problem.dataset = p.text("dataset_name");
  problem.input_side = p.integer("dataset_side");
  problem.sample_index = asked.sample_index;
  problem.true_label = static_cast<int>(payload.at(1).values.at(0));
  return problem;
}

Eigen::Index first_class(const Eigen::VectorXd& logits) {
  Eigen::Index largest = 0;
  logits.maxCoeff(&largest);
  return largest;
}

/// What other networks make of the adversarial input (P1, section 5.4).
void add_transfer(const problem::Problem& problem, const engine::SolveResult& result,
                  const std::vector<std::shared_ptr<const StoredNetwork>>& others, StageResult& row) {
  task::Array margins{"transfer_margin", {}};
  std::int64_t adversarial = 0, changed = 0;
  if (result.adversarial_input)
    for (const auto& other : others) {
      const Eigen::VectorXd logits = nn::forward(other->network, *result.adversarial_input);
      margins.values.push_back(problem.objective()(logits));
      adversarial += margins.values.back() > 0;
      changed += first_class(logits) != first_class(nn::forward(other->network, problem.input));
    }
  row.values.set("transfer_networks", static_cast<std::int64_t>(margins.values.size()));
  row.values.set("transfer_adversarial", adversarial);
  row.values.set("transfer_class_changed", changed);
  if (!margins.values.empty()) row.arrays.push_back(std::move(margins));
}

class SolveStage : public SolverStage {
 public:
  explicit SolveStage(std::shared_ptr<Environment> environment)
      : environment_(std::move(environment)),
        parameters_(columns_of_sections({"dataset", "network", "train", "prune", "select", "problem", "solve"})) {}

  std::string kind() const override { return "solve"; }
  std::uint32_t schema_version() const override { return 9; }
  std::string table() const override { return "solves"; }
  const Schema& parameters() const override { return parameters_; }
  const Schema& columns() const override { return solve_columns(); }
  const Schema& arrays() const override { return solve_arrays(); }

  /// What the embedded network's finetuning took stands in its own row alone.
  Parameters inherited(const task::TaskSpec& spec, const std::function<const Parameters&(const task::StageKey&)>& values) const override {
    if (!spec.parameters.contains("prune_finetuning") || is_given(spec.parameters, "prune_finetuning", "none")) return {};
    const Parameters& made = values(spec.parents[is_given(spec.parameters, "problem_network", "dense") ? 1 : 0]);
    if (!made.contains("epochs_run") || made.integer("epochs_run") == 0) return {};
    const double schedules = made.real("epochs_nominal") / made.real("epochs_run");
    return {{"finetuning_seconds", schedules * made.real("training_seconds")},
            {"finetuning_cpu_seconds", schedules * made.real("training_cpu_seconds")}};
  }

  /// The worker holds the data set; the solve needs one image of it.
  std::vector<task::Array> payload(const Attempt& attempt) const override {
    const Parameters& p = attempt.spec.parameters;
    const auto data = environment_->dataset(p.text("dataset_name"), static_cast<int>(p.integer("dataset_side")));
    const ProblemParameters asked = problem_record().from(p, "problem_");
    const auto index = static_cast<std::size_t>(asked.sample_index);
    const data::Samples& images = asked.split == Split::test ? data->test : data->train;
    return {{"input", to_vector(images.input(index))}, {"label", {static_cast<double>(images.labels[index])}}};
  }

  void prepare(const Attempt& attempt, const std::filesystem::path& output_directory) const override {
    for (const task::PartFile& input : attempt.inputs) environment_->network(output_directory / input.name);
  }

  StageResult run(const Attempt& attempt, const StageContext& context) const override {
    const Parameters& p = attempt.spec.parameters;
    // The network that the question is about, its surrogate if it has one, then those that adversarial inputs are tried on.
    const bool surrogate = is_given(p, "problem_network", "dense");
    const auto dense = input(attempt, context, 0);
    const auto embedded = surrogate ? input(attempt, context, 1) : dense;
    std::vector<std::shared_ptr<const StoredNetwork>> others;
    for (std::size_t k = surrogate ? 2 : 1; k < attempt.inputs.size(); ++k) others.push_back(input(attempt, context, k));
    const ProblemParameters asked = problem_record().from(p, "problem_");
    const problem::Problem problem = make_problem(p, asked, dense->network, embedded->network, context.payload);

    engine::SolveSettings settings = settings_of(attempt, context);
    settings.seed += static_cast<std::uint64_t>(p.integer("repetition"));
    if (environment_->options().solver_logs) settings.log_file = log_file(attempt, context);
    if (environment_->options().save_problems) save(problem, attempt, context);

    const auto row = [&](const engine::SolveResult& result) {
      StageResult made{engine::result_record().values(result), outcome_arrays(problem, result)};
      made.values.set("time_limit", p.real("solve_time_limit"));
      made.values.set("problem", problem_id(problem, asked.split, attempt.spec.parents.front().hex()));
      made.values.set("label", std::int64_t{problem.label});
      if (problem.target) made.values.set("target", std::int64_t{*problem.target});
      made.values.set("true_label", std::int64_t{*problem.true_label});
      made.values.set("dense_network", attempt.spec.parents.front().hex());
      made.values.set("embedded_network", attempt.spec.parents[surrogate ? 1 : 0].hex());
      made.values.set("dense_test_accuracy", dense->test_accuracy);
      made.values.set("embedded_test_accuracy", embedded->test_accuracy);
      add_transfer(problem, result, others, made);
      return made;
    };
    const auto search = [&](const engine::SolveSettings& complete) {
      return surrogate ? engine::solve(problem, embedded->network, complete) : engine::solve(problem, complete);
    };
    const engine::SolveResult result = solve_and_publish(context, std::move(settings), row, search);
    if (result.status == engine::Status::error) base::fail(base::ErrorKind::solver, "{}: {}", result.reason, result.detail);
    return row(result);
  }

 private:
  std::shared_ptr<const StoredNetwork> input(const Attempt& attempt, const StageContext& context, std::size_t k) const {
    return environment_->network(context.output_directory / attempt.inputs.at(k).name);
  }

  std::shared_ptr<Environment> environment_;
  Schema parameters_;
};

}  // namespace

std::unique_ptr<task::Stage> make_solve_stage(std::shared_ptr<Environment> environment) {
  return std::make_unique<SolveStage>(std::move(environment));
}

}  // namespace espalier::stages
