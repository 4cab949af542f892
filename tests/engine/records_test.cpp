#include "espalier/engine/records.hpp"

#include <gmock/gmock.h>

#include "espalier/task/variants.hpp"

namespace espalier::engine {
namespace {

using task::Parameters;
using ::testing::ElementsAre;

std::vector<std::string> names(const task::Schema& schema) {
  std::vector<std::string> all;
  for (const task::Field& field : schema) all.push_back(field.name);
  return all;
}

// The names are relied on by users' scripts: a rename is a line of CHANGELOG.md.
TEST(Records, TheNamesOfSettings) {
  EXPECT_THAT(names(settings_record().parameters("")), ElementsAre("solver", "formulation", "bounds", "compress", "goal", "on_success",
                                                                   "time_limit", "check_share", "node_limit", "start", "protocol", "seed"));
}

TEST(Records, TheNamesOfResults) {
  EXPECT_THAT(
      names(result_record().columns()),
      ElementsAre("solve_status", "solve_reason", "solve_limit", "solve_detail", "cut_short", "adversarial", "claimed_objective",
                  "verified_objective", "verified_objective_float32", "distance", "class_changed", "dual_bound", "proved_by",
                  "proof_seconds", "proved_bound", "clean_input_misclassified", "first_adversarial_seconds",
                  "first_adversarial_cpu_seconds", "incumbents", "nodes", "iterations", "bounds_seconds", "embed_seconds", "solver_seconds",
                  "attack_seconds", "surrogate_seconds", "solve_seconds", "model_columns", "model_rows", "model_binaries", "model_nonzeros",
                  "unstable_neurons", "unstable_by_layer", "stably_active_neurons", "stably_inactive_neurons", "constant_neurons",
                  "solver_version", "removed_off", "removed_linear", "removed_other", "removal_slack", "removal_deviation"));
}

TEST(Records, EveryDefaultIsLegalAndEveryFieldHasAMeaning) {
  for (const task::Field& field : settings_record().parameters("")) {
    EXPECT_EQ(task::check_value(field, field.default_value.value()), "") << field.name;
    EXPECT_FALSE(field.meaning.empty()) << field.name;
  }
  for (const task::Field& field : result_record().columns()) EXPECT_FALSE(field.meaning.empty()) << field.name;
}

TEST(Records, WhatAMilpSolverReadsDoesNotExistBesideTheOthers) {
  const task::Schema schema = settings_record().parameters("");
  const task::Variants variants(schema);
  const auto absent = [&](const char* solver) {
    Parameters all;
    for (const task::Field& field : schema) all.set(field.name, *field.default_value);
    all.set("solver", std::string(solver));
    return variants.absent(all);
  };
  EXPECT_THAT(absent("cbc"), ElementsAre());
  EXPECT_THAT(absent("external:glpsol"), ElementsAre());
  EXPECT_THAT(absent("bab"), ElementsAre("bounds", "check_share", "formulation", "start"));
  EXPECT_THAT(absent("attack"), ElementsAre("bounds", "check_share", "compress", "formulation", "node_limit", "start"));
}

TEST(Records, SettingsSurviveTheWayThroughNames) {
  const SolveSettings settings{.solver = "cbc",
                               .formulation = "big-m-split",
                               .bounds = "crown",
                               .goal = Goal::decide,
                               .on_success = OnSuccess::stop,
                               .start = Start::attack,
                               .protocol = Protocol::surrogate_then_dense,
                               .compress = true,
                               .time_limit_seconds = 7,
                               .check_share = 0.25,
                               .node_limit = 12,
                               .seed = 5};
  const Parameters values = settings_record().values(settings);
  EXPECT_EQ(settings_record().values(settings_record().from(values, "")), values);
  EXPECT_EQ(values.text("goal"), "decide");
  EXPECT_EQ(values.text("protocol"), "surrogate-then-dense");
}

TEST(Records, AResultWithoutAValueHasNone) {
  const Parameters empty = result_record().values({.status = Status::limit, .reason = "running"});
  for (const char* name : {"claimed_objective", "verified_objective", "distance", "class_changed", "proved_bound",
                           "first_adversarial_seconds", "first_adversarial_cpu_seconds", "removed_off", "removal_slack"})
    EXPECT_FALSE(empty.contains(name)) << name;
  EXPECT_EQ(empty.text("solve_status"), "limit");
  EXPECT_FALSE(empty.boolean("adversarial"));
  EXPECT_EQ(empty.real("dual_bound"), milp::infinity);
  SolveResult compressed;
  compressed.compression = CompressionRecord{.layers = {{.off = 1, .constant = 2, .unread = 3, .linear = 9, .folded = 4}, {.off = 10}}};
  const Parameters row = result_record().values(compressed);
  EXPECT_EQ(row.integer("removed_off"), 11);
  EXPECT_EQ(row.integer("removed_linear"), 4);
  EXPECT_EQ(row.integer("removed_other"), 5);
  EXPECT_EQ(row.real("removal_slack"), milp::infinity);
}

}  // namespace
}  // namespace espalier::engine
