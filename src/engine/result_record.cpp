#include "espalier/engine/records.hpp"

namespace espalier::engine {

namespace {

using R = SolveResult;

void add_status(record::Record<R>& record) {
  record
      .add(&R::status,
           {.name = "solve_status",
            .meaning =
                "optimal, robust: by bounds of our own; optimal_claimed, robust_claimed: a MILP solver says so, which our own bounds "
                "did not confirm; adversarial: by a forward pass; surrogate_solved: surrogate solved to the end without success, as its "
                "solver says; limit; error"})
      .add(&R::reason, {.name = "solve_reason", .meaning = "why the solve ended; hard_limit: its process had to be killed at the limit"})
      .add(&R::limit, {.name = "solve_limit",
                       .meaning = "the limit that ended it, or, if the status is claimed, the check: time or cpu (the outcome then depends "
                                  "on the machine's speed), nodes, ... or none"})
      .add(&R::detail, {.name = "solve_detail", .meaning = "the same in words"})
      .add(&R::cut_short, {.name = "cut_short",
                           .meaning = "what a share of the time limit ended before the search: attack, bounds, surrogate, joined by +, or "
                                      "none; unless none, the row depends on the machine's speed"});
}

void add_values(record::Record<R>& record) {
  record
      .add([](const R& r) { return r.adversarial_input.has_value(); },
           {.name = "adversarial", .meaning = "an input was found that the dense network's forward pass verified as adversarial"})
      .add(&R::claimed_objective, {.name = "claimed_objective",
                                   .unit = "1",
                                   .meaning = "margin of the network that was searched last at the last incumbent, as the solver claims; "
                                              "NaN if none"})
      .add(&R::verified_objective, {.name = "verified_objective",
                                    .unit = "1",
                                    .meaning = "largest margin of the dense network seen at a feasible input, by forward pass in float64"})
      .add(&R::verified_objective_float32,
           {.name = "verified_objective_float32", .unit = "1", .meaning = "margin of the dense network at the same input in float32"})
      .add(&R::distance,
           {.name = "distance", .unit = "1", .meaning = "distance of that input from the clean image in the region's norm, recomputed"})
      .add(&R::class_changed,
           {.name = "class_changed", .meaning = "the dense network's first class at that input differs from that at the clean image"})
      .add(&R::dual_bound, {.name = "dual_bound",
                            .unit = "1",
                            .meaning = "claimed upper bound on the margin of the network that was searched last (embedded, or dense after "
                                       "it); +inf if none"})
      .add(&R::proved_by, {.name = "proved_by",
                           .meaning = "what proves that an optimal or robust status holds: bounds (of our own, without branching) or bab "
                                      "(our own branch and bound); else none"})
      .add(&R::proof_seconds,
           {.name = "proof_seconds",
            .unit = "s",
            .meaning = "wall time of the check of a MILP solver's answer by bounds of our own, after solve_seconds; 0 if "
                       "there was none",
            .measured = true})
      .add(&R::proved_bound, {.name = "proved_bound",
                              .unit = "1",
                              .meaning = "upper bound on the margin of the network that the question is about, by bounds of our own; NaN "
                                         "if none was computed"})
      .add(&R::clean_input_misclassified,
           {.name = "clean_input_misclassified", .meaning = "the dense network's margin is positive at the clean image already"});
}

void add_effort(record::Record<R>& record) {
  const auto seconds = [&record](auto access, const std::string& name, const std::string& meaning) {
    record.add(access, {.name = name, .unit = "s", .meaning = meaning, .measured = true});
  };
  seconds(&R::first_adversarial_seconds, "first_adversarial_seconds",
          "wall time from the start of the bounds to the first verified adversarial input; NaN if none");
  seconds(&R::first_adversarial_cpu_seconds, "first_adversarial_cpu_seconds", "CPU time of the solve's process until then; NaN if none");
  record.add(&R::incumbents, {.name = "incumbents", .unit = "1", .meaning = "incumbents evaluated on the dense network"})
      .add(&R::nodes, {.name = "nodes", .unit = "nodes", .meaning = "branch-and-bound nodes"})
      .add(&R::iterations, {.name = "iterations",
                            .unit = "1",
                            .meaning = "simplex iterations; steps of the attack (solver attack); rows propagated (solver bab). Measured, "
                                       "because Cbc, asked to stop at a success, does a few more, not always as many",
                            .measured = true});
  seconds(&R::bounds_seconds, "bounds_seconds", "wall time of the pre-activation bounds");
  seconds(&R::embed_seconds, "embed_seconds", "wall time of building the model");
  seconds(&R::solver_seconds, "solver_seconds", "wall time inside the solver");
  seconds(&R::attack_seconds, "attack_seconds", "wall time of the attack, part of solver_seconds");
  seconds(&R::surrogate_seconds, "surrogate_seconds",
          "protocol surrogate-then-dense: of solve_seconds, what was spent before the dense network was searched; 0 if it was not");
  seconds(&R::total_seconds, "solve_seconds", "wall time of bounds, model and solver");
}

void add_model(record::Record<R>& record) {
  const auto count = [&record](auto access, const std::string& name, const std::string& meaning) {
    record.add(access, {.name = name, .unit = "1", .meaning = meaning});
  };
  count([](const R& r) { return r.size.columns; }, "model_columns", "columns of the MILP");
  count([](const R& r) { return r.size.rows; }, "model_rows", "rows of the MILP");
  count([](const R& r) { return r.size.binaries; }, "model_binaries", "binary columns of the MILP");
  count([](const R& r) { return r.size.nonzeros; }, "model_nonzeros", "nonzeros of the MILP's rows");
  count([](const R& r) { return r.neurons.unstable; }, "unstable_neurons", "neurons whose sign the bounds leave open");
  count(&R::unstable_by_layer, "unstable_by_layer", "the same by hidden layer, first to last");
  count([](const R& r) { return r.neurons.stably_active; }, "stably_active_neurons", "neurons that are linear over the region");
  count([](const R& r) { return r.neurons.stably_inactive; }, "stably_inactive_neurons", "neurons that are zero over the region");
  count([](const R& r) { return r.neurons.constant; }, "constant_neurons", "neurons whose pre-activation is constant over the region");
  record.add(&R::solver_version, {.name = "solver_version", .meaning = "name and version of the solver"});
}

record::Record<R> make_result_record() {
  record::Record<R> record;
  add_status(record);
  add_values(record);
  add_effort(record);
  add_model(record);
  record.include(reduce::compression_record(), [](const R& r) {
    return r.compression ? std::optional(reduce::summarise(r.compression->layers, r.compression->smallest_slack, r.compression->deviation))
                         : std::nullopt;
  });
  return record;
}

}  // namespace

const record::Record<R>& result_record() {
  static const record::Record<R> record = make_result_record();
  return record;
}

}  // namespace espalier::engine
