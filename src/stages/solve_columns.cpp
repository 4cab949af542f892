#include "stages/solve_columns.hpp"

#include "espalier/engine/records.hpp"
#include "stages/column.hpp"
#include "stages/proof_arrays.hpp"

namespace espalier::stages {

using task::Schema;
using task::ValueType;

namespace {

Schema context_columns() {
  using enum ValueType;
  return {
      measured("time_limit", real, "s",
               "limit that the solve ran under: smaller than solve_time_limit if that has grown since (run --extend) and was not met"),
      column("problem", text, "", "names the question: which network, image, region, label and target; rows with the same are partners"),
      column("label", integer, "", "class to leave"),
      column("target", integer, "", "class to reach; absent if problem_target is any"),
      column("true_label", integer, "", "class in the data set"),
      column("dense_network", text, "",
             "key in /networks of the network that the question is about: the dense one unless problem_network is embedded"),
      column("embedded_network", text, "", "key of the embedded network's row in /networks; equals dense_network in the dense arm"),
      column("dense_test_accuracy", real, "1", "of the dense network"),
      column("embedded_test_accuracy", real, "1", "of the embedded network"),
      measured(
          "finetuning_seconds", real, "s",
          "wall time of the embedded network's finetuning as its schedule is written: that of the epochs run for it alone, scaled to all "
          "of its epochs (a first round is shared); no value without finetuning"),
      measured("finetuning_cpu_seconds", real, "s", "the same in CPU time"),
      column("transfer_networks", integer, "1",
             "networks of problem_transfer_seeds that the adversarial input was run through; 0 if there is none"),
      column("transfer_adversarial", integer, "1", "those among them whose own margin, of the same classes, is positive there"),
      column("transfer_class_changed", integer, "1", "those among them whose first class there differs from that at the clean image"),
  };
}

}  // namespace

const Schema& solve_columns() {
  static const Schema columns = [] {
    Schema all = engine::result_record().columns();
    const Schema context = context_columns();
    all.insert(all.end(), context.begin(), context.end());
    return all;
  }();
  return columns;
}

const Schema& solve_arrays() {
  static const Schema arrays = [] {
    Schema all{
        column("clean_input", ValueType::real, "1", "the clean image, row-major, in [0, 1]"),
        column("adversarial_input", ValueType::real, "1", "the first verified adversarial input"),
        column("best_input", ValueType::real, "1", "the feasible input of the largest verified margin"),
        column("transfer_margin", ValueType::real, "1",
               "margin at the adversarial input of each network of problem_transfer_seeds, in order, by forward pass in float64"),
        measured("incumbent_seconds", ValueType::real, "s", "time of each incumbent since the start of the bounds"),
        column("incumbent_claimed", ValueType::real, "1", "margin of the embedded network at each incumbent, as the solver claims"),
        column("incumbent_verified", ValueType::real, "1", "margin of the dense network at each incumbent, by forward pass"),
        measured("bound_seconds", ValueType::real, "s",
                 "time of each improvement of the dual bound since the start of the bounds (solver bab)"),
        column("bound_values", ValueType::real, "1", "dual bound from then on, as the solver claims (solver bab)"),
    };
    const Schema proof = proof_columns();
    all.insert(all.end(), proof.begin(), proof.end());
    return all;
  }();
  return arrays;
}

std::vector<double> to_vector(const Eigen::VectorXd& v) { return {v.data(), v.data() + v.size()}; }

std::vector<task::Array> outcome_arrays(const problem::Problem& problem, const engine::SolveResult& r) {
  std::vector<task::Array> arrays{{"clean_input", to_vector(problem.input), true}};
  if (r.adversarial_input) arrays.push_back({"adversarial_input", to_vector(*r.adversarial_input)});
  if (r.input) arrays.push_back({"best_input", to_vector(*r.input)});
  task::Array seconds{"incumbent_seconds", {}}, claimed{"incumbent_claimed", {}}, verified{"incumbent_verified", {}};
  for (const engine::IncumbentRecord& incumbent : r.trace) {
    seconds.values.push_back(incumbent.seconds);
    claimed.values.push_back(incumbent.surrogate_objective);
    verified.values.push_back(incumbent.dense_margin);
  }
  for (task::Array& trace : {std::ref(seconds), std::ref(claimed), std::ref(verified)}) arrays.push_back(std::move(trace));
  if (!r.bound_trace.empty()) {
    task::Array bound_seconds{"bound_seconds", {}}, bounds{"bound_values", {}};
    for (const engine::BoundRecord& record : r.bound_trace) {
      bound_seconds.values.push_back(record.seconds);
      bounds.values.push_back(record.bound);
    }
    arrays.push_back(std::move(bound_seconds));
    arrays.push_back(std::move(bounds));
  }
  if (r.compression)
    for (task::Array& proof : proof_arrays(r.compression->proof)) arrays.push_back(std::move(proof));
  return arrays;
}

}  // namespace espalier::stages
