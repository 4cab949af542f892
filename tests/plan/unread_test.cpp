#include "plan/unread.hpp"

#include <gmock/gmock.h>

#include "config/surrogate_schema.hpp"
#include "espalier/base/error.hpp"
#include "espalier/plan/expansion.hpp"

namespace espalier::plan {
namespace {

using ::testing::HasSubstr;

task::Schema schema() {
  task::Schema all = test::surrogate_schema();
  for (task::Field& field : all) {
    if (field.name == "prune.rate")
      field.exists_if = {{.parameter = "prune.criterion", .values = {std::string("magnitude"), std::string("random")}}};
    if (field.name == "prune.seed") field.exists_if = {{.parameter = "prune.criterion", .values = {std::string("random")}}};
  }
  return all;
}

std::string check(const std::string& text, const std::vector<std::string>& overrides = {}) {
  const task::Schema all = schema();
  const config::Experiment experiment =
      config::parse_experiment("name: t\nparameters: {dataset.name: mnist}\n" + text, "t.yaml", all, overrides);
  UnreadParameters unread(experiment, all);
  for_each_instance(experiment, all, [&](const task::Parameters& instance, const config::Block& block) { unread.see(instance, block); });
  try {
    unread.check();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::configuration);
    return error.what();
  }
  return "accepted";
}

TEST(UnreadParameters, OneInstanceThatHasItIsEnough) {
  EXPECT_EQ(check("grid:\n  - product: {prune.criterion: [none, random], prune.rate: [0.5]}\n"), "accepted");
  EXPECT_EQ(check("grid:\n  - zip: [{train.seed: 1, prune.seed: 1}]\n    cases:\n"
                  "      - parameters: {prune.criterion: none}\n      - parameters: {prune.criterion: random}\n"),
            "accepted");
}

TEST(UnreadParameters, WhatNoInstanceHasIsRefusedWithItsPlace) {
  EXPECT_EQ(check("grid:\n  - parameters: {prune.criterion: magnitude}\n    product: {prune.rate: [0.5], prune.seed: [1, 2]}\n"),
            "t.yaml:5:46: grid[0].product.prune.seed: no instance has prune.seed: it exists only if prune.criterion is random; they have "
            "prune.criterion, prune.structure, prune.rate, prune.steps, prune.output, prune.finetuning, prune.epochs, prune.learning_rate, "
            "prune.batch_size");
  EXPECT_THAT(check("grid:\n  - zip: [{train.seed: 1, prune.rate: 0.5}]\n"), HasSubstr("grid[0].zip: no instance has prune.rate"));
  EXPECT_THAT(check("grid:\n  - product: {train.seed: [1]}\n", {"prune.rate=0.5"}),
              ::testing::StartsWith("t.yaml:1:1: no instance has prune.rate"));
}

TEST(UnreadParameters, EachBlockIsAskedOnItsOwn) {
  EXPECT_THAT(check("grid:\n  - parameters: {prune.criterion: random, prune.rate: 0.5}\n"
                    "  - parameters: {prune.criterion: none, prune.rate: 0.5}\n"),
              HasSubstr("grid[1]: no instance has prune.rate"));
}

TEST(UnreadParameters, WhatAnOverrideMakesImpossibleIsLeftOut) {
  const std::string grid =
      "grid:\n  - zip: [{train.seed: 1, prune.seed: 1}, {train.seed: 1, prune.seed: 2}]\n    cases:\n"
      "      - product: {prune.criterion: [magnitude, random], prune.rate: [0.5, 0.9]}\n        parameters: {prune.steps: 2}\n";
  EXPECT_EQ(check(grid), "accepted");
  EXPECT_EQ(check(grid, {"prune.criterion=none"}), "accepted");
  EXPECT_THAT(check(grid, {"prune.criterion=none", "prune.rate=0.5"}), HasSubstr("no instance has prune.rate")) << "it was asked for";
  const task::Schema all = schema();
  const config::Experiment experiment =
      config::parse_experiment("name: t\nparameters: {dataset.name: mnist}\n" + grid, "t.yaml", all, {"prune.criterion=none"});
  EXPECT_EQ(instance_bound(experiment), 1) << "the axis of rates and a column of the zip are gone";
  EXPECT_THAT(experiment.notes,
              ::testing::Contains("--set prune.criterion=none leaves out prune.rate: it exists only if prune.criterion is "
                                  "magnitude or random"));
  EXPECT_THAT(experiment.notes, ::testing::Contains(HasSubstr("leaves out prune.seed")));
}

TEST(UnreadParameters, ADefaultIsNotGiven) {
  const task::Schema all = schema();
  const config::Experiment experiment =
      config::parse_experiment("name: t\nparameters: {dataset.name: mnist}\ngrid:\n  - product: {train.seed: [1]}\n", "t.yaml", all);
  EXPECT_EQ(check(config::to_yaml(experiment).substr(config::to_yaml(experiment).find("grid:"))), "accepted");
  EXPECT_EQ(check("grid:\n  - product: {train.seed: [1]}\n"), "accepted");
}

}  // namespace
}  // namespace espalier::plan
