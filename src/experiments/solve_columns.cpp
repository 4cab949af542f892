#include "experiments/solve_columns.hpp"

#include "experiments/column.hpp"
#include "experiments/compression_columns.hpp"

namespace espalier::experiments {

using task::Schema;
using task::ValueType;

namespace {

Schema outcome_columns() {
  using enum ValueType;
  return {
      column("solve_status", text, "",
             "optimal, robust: by bounds of our own; optimal_claimed, robust_claimed: a MILP solver says so, which our own bounds did not "
             "confirm; adversarial: by a forward pass; exhausted: surrogate solved to the end without success, as its solver says; limit; "
             "error"),
      column("solve_reason", text, "", "why the solve ended; hard_limit: its process had to be killed at the limit"),
      column("solve_limit", text, "",
             "the limit that ended it, or, if the status is claimed, the check: time or cpu (the outcome then depends on the machine's "
             "speed), nodes, ... or none"),
      column("solve_detail", text, "", "the same in words"),
      column(
          "cut_short", text, "",
          "what a share of the time limit ended before the search: attack, bounds, surrogate, joined by +, or none; unless none, the row "
          "depends on the machine's speed"),
      column("adversarial", boolean, "", "an input was found that the dense network's forward pass verified as adversarial"),
      column("claimed_objective", real, "1",
             "margin of the network that was searched last at the last incumbent, as the solver claims; NaN if none"),
      column("verified_objective", real, "1", "largest margin of the dense network seen at a feasible input, by forward pass in float64"),
      column("verified_objective_float32", real, "1", "margin of the dense network at the same input in float32"),
      column("distance", real, "1", "L1 distance of that input from the clean image, recomputed"),
      column("class_changed", boolean, "", "the dense network's first class at that input differs from that at the clean image"),
      column("dual_bound", real, "1",
             "claimed upper bound on the margin of the network that was searched last (embedded, or dense after it); +inf if none"),
      column("proved_by", text, "",
             "what proves that an optimal or robust status holds: bounds (of our own, without branching) or bab (our own branch and "
             "bound); else none"),
      measured("proof_seconds", real, "s",
               "wall time of the check of a MILP solver's answer by bounds of our own, after total_seconds; 0 if there was none"),
      column("proved_bound", real, "1",
             "upper bound on the margin of the network that the question is about, by bounds of our own; NaN if none was computed"),
      column("succeeds_at_clean_input", boolean, "", "the dense network's margin is positive at the clean image already"),
      measured("first_adversarial_seconds", real, "s",
               "wall time from the start of the bounds to the first verified adversarial input; NaN if none"),
      column("incumbents", integer, "1", "incumbents evaluated on the dense network"),
      column("nodes", integer, "nodes", "branch-and-bound nodes"),
      column("iterations", integer, "1", "simplex iterations; steps of the attack (solver attack); rows propagated (solver bab)"),
      measured("bounds_seconds", real, "s", "wall time of the pre-activation bounds"),
      measured("embed_seconds", real, "s", "wall time of building the model"),
      measured("solver_seconds", real, "s", "wall time inside the solver"),
      measured("attack_seconds", real, "s", "wall time of the attack, part of solver_seconds"),
      measured("surrogate_seconds", real, "s",
               "protocol surrogate-then-dense: of total_seconds, what was spent before the dense network was searched; 0 if it was not"),
      measured("total_seconds", real, "s", "wall time of bounds, model and solver"),
  };
}

Schema context_columns() {
  using enum ValueType;
  return {
      measured("time_limit", real, "s",
               "limit that the solve ran under: smaller than solve_time_limit if that has grown since (run --extend) and was not met"),
      column("label", integer, "", "class to leave"),
      column("target", integer, "", "class to reach"),
      column("true_label", integer, "", "class in the data set"),
      column("dense_network", text, "",
             "key in /networks of the network that the question is about: the dense one unless problem_network is embedded"),
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
      column("transfer_networks", integer, "1",
             "networks of problem_transfer_seeds that the adversarial input was run through; 0 if there is none"),
      column("transfer_adversarial", integer, "1", "those among them whose own margin between the same two classes is positive there"),
      column("transfer_class_changed", integer, "1", "those among them whose first class there differs from that at the clean image"),
  };
}

}  // namespace

const Schema& solve_columns() {
  static const Schema columns = [] {
    Schema all = outcome_columns();
    for (const Schema& more : {context_columns(), compression_columns()}) all.insert(all.end(), more.begin(), more.end());
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
    const Schema proof = compression_arrays();
    all.insert(all.end(), proof.begin(), proof.end());
    return all;
  }();
  return arrays;
}

}  // namespace espalier::experiments
