// What a good experiment file means, what --set does to it, and that writing it out loses nothing.
#include "espalier/config/experiment.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/surrogate_schema.hpp"
#include "espalier/base/error.hpp"

namespace espalier::config {
namespace {

using task::IntegerList;
using task::RealList;
using task::Value;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

Experiment parse(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return parse_experiment(text, "file.yaml", test::surrogate_schema(), overrides);
}

constexpr const char* sample_file = R"(
name: everything
description: "first line\nsecond: line"
run: {fail_fast: true}
parameters:
  dataset: {name: mnist, side: 18}
  train.learning_rate: 2
  network.hidden: [32, 16]
when:
  - {if: {dataset.name: [fashion-mnist]}, set: {train: {epochs: 40}}}
exclude:
  - {prune.rate: [0.9, 0.95], prune.structure: structured}
grid:
  - product:
      dataset.name: [mnist, fashion-mnist]
      network: {hidden: [[8], [16, 16]]}
    zip: &rows
      - {train.seed: 2, problem.epsilon: 5.092844618225018}
      - {train.seed: 12, problem.epsilon: 4}
    cases:
      - {}
      - parameters: {prune.criterion: magnitude}
        product: {prune.rate: [0.3, 9e-1]}
        include: [{prune.criterion: random, prune.rate: 0.5}]
        repetitions: 3
  - zip: *rows
  - zip: {train.seed: [1, 2], prune.seed: [7, 7]}
  - zip:
      - [{train.seed: 1}, {train.seed: 2}]
      - [{prune.seed: 1}, {prune.seed: 2}, {prune.seed: 3}]
)";

TEST(Experiment, ReadsEveryConstruct) {
  const Experiment e = parse(sample_file);
  EXPECT_EQ(e.name, "everything");
  EXPECT_EQ(e.description, "first line\nsecond: line");
  EXPECT_TRUE(e.run.boolean("fail_fast"));
  EXPECT_EQ(e.run.integer("max_tasks"), 0);
  ASSERT_EQ(e.root.conditionals.size(), 1U);
  EXPECT_EQ(e.root.conditionals[0].set.integer("train.epochs"), 40);
  EXPECT_THAT(e.root.excludes[0].any_of[0].values, ElementsAre(Value(0.9), Value(0.95)));

  ASSERT_EQ(e.root.cases.size(), 4U);
  const Block& block = e.root.cases[0];
  EXPECT_EQ(block.place.path, "grid[0]");
  EXPECT_EQ(block.place.line, 14);
  EXPECT_EQ(block.product[0].name, "dataset.name");
  EXPECT_THAT(block.product[1].values, ElementsAre(Value(IntegerList{8}), Value(IntegerList{16, 16})));
  EXPECT_THAT(block.zips[0].columns, ElementsAre("problem.epsilon", "train.seed"));
  EXPECT_THAT(block.zips[0].rows[1], ElementsAre(Value(4.0), Value(std::int64_t{12})));
  EXPECT_EQ(block.cases[1].repetitions, 3);
  EXPECT_EQ(block.cases[1].includes[0].real("prune.rate"), 0.5);
  EXPECT_EQ(e.root.cases[1].zips[0].rows, block.zips[0].rows);
  EXPECT_THAT(e.root.cases[2].zips[0].rows[1], ElementsAre(Value(std::int64_t{2}), Value(std::int64_t{7})));
  EXPECT_EQ(e.root.cases[3].zips.size(), 2U);
}

TEST(Experiment, FillsDefaultsAndMakesIntegersOfRealFieldsReal) {
  const task::Parameters parameters = parse("name: t\nparameters: {train.learning_rate: 2}\ngrid: [{}]").root.parameters;
  EXPECT_EQ(*parameters.find("train.learning_rate"), Value(2.0));
  EXPECT_EQ(*parameters.find("solve.time_limit"), Value(300.0));
  EXPECT_EQ(parameters.find("dataset.name"), nullptr);  // required, and nobody set it
  EXPECT_EQ(parameters.size(), test::surrogate_schema().size() - 1);
}

TEST(Experiment, MinusZeroIsZero) {
  const Experiment e = parse("name: t\nparameters: {train.momentum: -0.0}\ngrid: [{}]");
  EXPECT_EQ(task::to_text(*e.root.parameters.find("train.momentum")), "0");
}

TEST(Experiment, WrittenOutItReadsBackTheSame) {
  const std::string written = to_yaml(parse(sample_file));
  EXPECT_EQ(to_yaml(parse(written)), written);
  EXPECT_NE(written.find("  train.weight_decay: 0.001\n"), std::string::npos) << "defaults are spelled out";
}

TEST(Experiment, WrittenOutTextsSurviveQuoting) {
  const Experiment e = parse(
      "name: 'it''s: #1 \"\\x'\nparameters: {solve.solver: 'null'}\ngrid: [{product: {problem.label_source: [dense]}}]\nrepetitions: 2");
  const Experiment again = parse(to_yaml(e));
  EXPECT_EQ(again.name, "it's: #1 \"\\x");
  EXPECT_EQ(again.root.parameters.text("solve.solver"), "null");
  EXPECT_EQ(again.root.repetitions, 2);
}

TEST(Override, ReachesParametersAndRunSettings) {
  const Experiment e = parse("name: t\ngrid: [{parameters: {train.epochs: 3}}]",
                             {"train.epochs=1", "run.max_failures=7", "network.hidden=[4, 5]", "train.clip_norm=2"});
  EXPECT_EQ(e.root.parameters.integer("train.epochs"), 1);
  EXPECT_FALSE(e.root.cases[0].parameters.contains("train.epochs"));
  EXPECT_EQ(e.run.integer("max_failures"), 7);
  EXPECT_EQ(e.root.parameters.integers("network.hidden"), (IntegerList{4, 5}));
  EXPECT_EQ(*e.root.parameters.find("train.clip_norm"), Value(2.0));
}

TEST(Override, FixesAnAxisAndSaysSo) {
  const Experiment e = parse(sample_file, {"prune.rate=0.8", "train.epochs=2", "repetition=0"});
  const Block& pruned = e.root.cases[0].cases[1];
  EXPECT_TRUE(pruned.product.empty());
  EXPECT_FALSE(pruned.includes[0].contains("prune.rate"));
  EXPECT_EQ(e.root.parameters.real("prune.rate"), 0.8);
  EXPECT_TRUE(e.root.conditionals.empty());
  EXPECT_FALSE(pruned.repetitions.has_value());
  EXPECT_THAT(e.notes, ElementsAre("--set prune.rate=0.8 replaces the 2 values of grid[0].cases[1].product.prune.rate",
                                   "--set prune.rate=0.8 replaces the values of grid[0].cases[1].include",
                                   "--set train.epochs=2 replaces what when[0] sets",
                                   "--set repetition=0 replaces the 3 repetitions of grid[0].cases[1]"));
}

/// What such a conditional sets may not exist in the instances that are left.
TEST(Override, OneValueLeavesOutConditionalsForOthers) {
  const std::string file =
      "name: t\nwhen:\n  - if: {dataset.name: fashion-mnist}\n    set: {train.epochs: 40}\n  - if: {dataset.name: [mnist, fashion-mnist]}\n"
      "    set: {train.batch_size: 32}\ngrid:\n  - product: {dataset.name: [mnist, fashion-mnist]}\n";
  const Experiment e = parse(file, {"dataset.name=mnist"});
  ASSERT_EQ(e.root.conditionals.size(), 1U);
  EXPECT_TRUE(e.root.conditionals[0].set.contains("train.batch_size"));
  EXPECT_THAT(e.notes, ::testing::Contains("--set dataset.name=mnist leaves out when[0]: no instance matches"));
  EXPECT_EQ(parse(file, {"dataset.name=[mnist, fashion-mnist]"}).root.conditionals.size(), 2U);
}

TEST(Override, AListReplacesTheValuesOfTheAxesThereAre) {
  const Experiment e = parse(sample_file, {"prune.rate=[0.1, 0.2, 0.4]"});
  EXPECT_TRUE(e.root.cases[0].cases[0].product.empty()) << "a block without this axis stays as it is";
  EXPECT_EQ(e.root.cases[0].cases[1].product[0].values.size(), 3U);
  EXPECT_EQ(e.root.cases[0].cases[1].includes[0].real("prune.rate"), 0.5);
  EXPECT_THAT(e.notes, ElementsAre("--set prune.rate=[0.1, 0.2, 0.4] replaces the 2 values of grid[0].cases[1].product.prune.rate"));
}

TEST(Override, AListReplacesRepetitionsOfTheFile) {
  const Experiment e = parse("name: t\nrepetitions: 3\ngrid: [{include: [{train.seed: 9}]}]", {"repetition=[1, 4]"});
  EXPECT_FALSE(e.root.repetitions.has_value());
  EXPECT_TRUE(e.root.product.empty());
  EXPECT_THAT(e.root.cases[0].product[0].values, ElementsAre(Value(std::int64_t{1}), Value(std::int64_t{4})));
  EXPECT_EQ(e.root.cases[0].includes.size(), 2U);
}

TEST(Override, AListForNoAxisBecomesAnAxisOfEveryBlock) {
  const Experiment e = parse("name: t\ngrid: [{product: {train.seed: [1]}, include: [{train.seed: 9}]}, {}]", {"prune.rate=[0.1, 0.2]"});
  ASSERT_EQ(e.root.cases[0].product.size(), 2U);
  EXPECT_EQ(e.root.cases[0].product[1].name, "prune.rate");
  EXPECT_THAT(e.root.cases[0].product[1].values, ElementsAre(Value(0.1), Value(0.2)));
  EXPECT_EQ(e.root.cases[0].includes.size(), 2U) << "includes are not combined with axes, so each one is multiplied";
  EXPECT_EQ(e.root.cases[1].product.size(), 1U);
  const Experiment lists = parse("name: t\ngrid: [{}]", {"network.hidden=[[4], [5, 6]]"});
  EXPECT_THAT(lists.root.cases[0].product[0].values, ElementsAre(Value(IntegerList{4}), Value(IntegerList{5, 6})));
}

TEST(Values, AListOfRealsIsOneValueAndAListOfListsAnAxis) {
  const task::Schema schema{
      {.name = "select.alphas", .type = task::ValueType::real_list, .default_value = RealList{}, .minimum = 0, .minimum_open = true}};
  const auto read = [&](const std::string& value) {
    return parse_experiment("name: t\nparameters: {select.alphas: " + value + "}\ngrid: [{}]", "t.yaml", schema);
  };
  const Experiment e = read("[0.1, 5e-1, 1]");
  EXPECT_EQ(e.root.parameters.reals("select.alphas"), (RealList{0.1, 0.5, 1}));
  EXPECT_THAT(to_yaml(e), HasSubstr("select.alphas: [0.1, 0.5, 1]"));
  EXPECT_THAT([&] { read("[0.1, 0]"); }, ThrowsMessage<base::Error>(HasSubstr("expected list of real numbers > 0, found [0.1, 0]")));
  EXPECT_THAT([&] { read("0.1"); }, ThrowsMessage<base::Error>(HasSubstr("expected list of real numbers > 0, found '0.1'")));
}

TEST(Override, SelectsTheRowsOfAZip) {
  const Experiment e = parse(sample_file, {"train.seed=[2, 12]", "problem.epsilon=4"});
  EXPECT_THAT(e.root.cases[0].zips[0].rows, ElementsAre(ElementsAre(Value(4.0), Value(std::int64_t{12}))));
  EXPECT_THAT(e.root.cases[2].zips[0].rows, ElementsAre(ElementsAre(Value(std::int64_t{2}), Value(std::int64_t{7}))));
  EXPECT_EQ(e.root.cases[2].parameters.real("problem.epsilon"), 4.0);
}

TEST(Override, OverriddenExperimentsWrittenOutReadBackTheSame) {
  for (const std::vector<std::string>& overrides : {std::vector<std::string>{"prune.rate=0.8"},
                                                    {"train.seed=2", "prune.seed=7"},
                                                    {"prune.rate=[0.1, 0.2]"},
                                                    {"repetition=[0, 1]", "run.fail_fast=false"}}) {
    const bool zips_clash = overrides[0] == "train.seed=2";
    const std::string written =
        to_yaml(parse(zips_clash ? "name: t\ngrid: [{zip: {train.seed: [1, 2], prune.seed: [7, 7]}}, {}]" : sample_file, overrides));
    EXPECT_EQ(to_yaml(parse(written)), written);
  }
}

TEST(Reference, SaysLegalValuesDefaultsUnitsAndMeanings) {
  const task::Schema schema{
      {.name = "dataset.name", .type = task::ValueType::text, .meaning = "Which images.", .choices = {"mnist", "fashion-mnist"}},
      {.name = "solve.time_limit",
       .type = task::ValueType::real,
       .default_value = 300.0,
       .unit = "s",
       .meaning = "Wall time.",
       .minimum = 0,
       .minimum_open = true},
      {.name = "solve.cuts", .type = task::ValueType::boolean, .default_value = true, .meaning = "Cutting planes."},
      {.name = "network.hidden",
       .type = task::ValueType::integer_list,
       .default_value = IntegerList{},
       .meaning = "Widths.",
       .minimum = 1}};
  EXPECT_EQ(describe(schema), R"(dataset.name             one of mnist, fashion-mnist; required
    Which images.

solve.time_limit         real number > 0 s; default 300
    Wall time.
solve.cuts               true or false; default true
    Cutting planes.

network.hidden           list of integers >= 1; default []
    Widths.
)");
}

TEST(Configs, EveryFileLoads) {
  for (const char* name : {"quickstart", "surrogate-tier1", "surrogate-full"}) {
    const Experiment e = load_experiment(std::string(ESPALIER_SOURCE_DIR) + "/configs/" + name + ".yaml", test::surrogate_schema());
    EXPECT_EQ(e.name, name);
    EXPECT_FALSE(e.description.empty());
    const std::string written = to_yaml(e);
    EXPECT_EQ(to_yaml(parse(written)), written);
  }
}

}  // namespace
}  // namespace espalier::config
