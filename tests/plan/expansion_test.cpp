// From blocks to instances: which ones, how many, and what is refused before anything is expanded.
#include "espalier/plan/expansion.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "config/surrogate_schema.hpp"
#include "espalier/base/error.hpp"
#include "espalier/base/process.hpp"
#include "espalier/plan/plan.hpp"

namespace espalier::plan {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

config::Experiment parse_grid(const std::string& grid, const std::vector<std::string>& overrides = {}) {
  return config::parse_experiment("name: t\nparameters: {dataset.name: mnist}\n" + grid, "file.yaml", test::surrogate_schema(), overrides);
}

/// The named parameters of every instance, as "1/0.5".
std::vector<std::string> instances(const config::Experiment& experiment, const std::vector<std::string>& names,
                                   ExpansionCount* count = nullptr) {
  std::vector<std::string> texts;
  const ExpansionCount c =
      for_each_instance(experiment, test::surrogate_schema(), [&](const task::Parameters& instance, const config::Block&) {
        EXPECT_EQ(instance.size(), test::surrogate_schema().size()) << "instances are complete";
        std::string text;
        for (const std::string& name : names) text += (text.empty() ? "" : "/") + task::to_text(*instance.find(name));
        texts.push_back(text);
      });
  EXPECT_EQ(c.instances, texts.size());
  EXPECT_EQ(static_cast<double>(c.instances + c.excluded), instance_bound(experiment)) << "the bound is exact but for exclusions";
  if (count) *count = c;
  return texts;
}

std::string expansion_refusal(const std::function<void()>& action) {
  try {
    action();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::configuration);
    return error.what();
  }
  return "accepted";
}

TEST(Expansion, AnEmptyBlockIsOneInstance) { EXPECT_THAT(instances(parse_grid("grid: [{}]"), {"train.epochs"}), ElementsAre("5")); }

TEST(Expansion, ProductsRunTheFirstAxisSlowest) {
  EXPECT_THAT(instances(parse_grid("grid: [{product: {train.seed: [1, 2], prune.rate: [0, 0.5]}}]"), {"train.seed", "prune.rate"}),
              ElementsAre("1/0", "1/0.5", "2/0", "2/0.5"));
}

TEST(Expansion, ZipsMoveTogetherAndMultiplyTheProduct) {
  EXPECT_THAT(
      instances(
          parse_grid("grid: [{product: {prune.rate: [0, 0.5]}, zip: [{train.seed: 1, prune.seed: 7}, {train.seed: 2, prune.seed: 8}]}]"),
          {"prune.rate", "train.seed", "prune.seed"}),
      ElementsAre("0/1/7", "0/2/8", "0.5/1/7", "0.5/2/8"));
}

TEST(Expansion, SeveralZipsMultiplyEachOther) {
  EXPECT_THAT(instances(parse_grid("grid: [{zip: [[{train.seed: 1}, {train.seed: 2}], [{prune.seed: 7}, {prune.seed: 8}]]}]"),
                        {"train.seed", "prune.seed"}),
              ElementsAre("1/7", "1/8", "2/7", "2/8"));
}

TEST(Expansion, CasesContinueEveryCombination) {
  EXPECT_THAT(instances(parse_grid(R"(
grid:
  - product: {train.seed: [1, 2]}
    cases:
      - {}
      - parameters: {prune.criterion: magnitude}
        product: {prune.rate: [0.3, 0.5]}
)"),
                        {"train.seed", "prune.criterion", "prune.rate"}),
              ElementsAre("1/none/0", "1/magnitude/0.3", "1/magnitude/0.5", "2/none/0", "2/magnitude/0.3", "2/magnitude/0.5"));
}

TEST(Expansion, BlocksAreUnited) {
  EXPECT_THAT(
      instances(parse_grid("grid: [{product: {train.seed: [1]}}, {parameters: {train.epochs: 6}}]"), {"train.seed", "train.epochs"}),
      ElementsAre("1/5", "0/6"));
}

TEST(Expansion, IncludesHaveTheBlocksParametersButNotItsAxes) {
  EXPECT_THAT(
      instances(
          parse_grid("grid: [{product: {train.seed: [1, 2]}, cases: [{parameters: {train.epochs: 9}, product: {prune.rate: [0.3, 0.5]}, "
                     "include: [{prune.criterion: random}]}]}]"),
          {"train.seed", "train.epochs", "prune.rate", "prune.criterion"}),
      ElementsAre("1/9/0.3/none", "1/9/0.5/none", "1/9/0/random", "2/9/0.3/none", "2/9/0.5/none", "2/9/0/random"));
}

TEST(Expansion, ExcludesDropCombinationsButNotTheOwnIncludes) {
  ExpansionCount count;
  EXPECT_THAT(
      instances(
          parse_grid(
              "grid: [{product: {train.seed: [1, 2], prune.rate: [0.3, 0.5, 0.8]}, exclude: [{train.seed: 2, prune.rate: [0.3, 0.8]}], "
              "include: [{train.seed: 2, prune.rate: 0.8}]}]"),
          {"train.seed", "prune.rate"}, &count),
      ElementsAre("1/0.3", "1/0.5", "1/0.8", "2/0.5", "2/0.8"));
  EXPECT_EQ(count.excluded, 2U);
  EXPECT_THAT(
      instances(parse_grid("exclude: [{train.seed: 2}]\ngrid: [{product: {train.seed: [1]}, include: [{train.seed: 2}, {train.seed: 3}]}]"),
                {"train.seed"}),
      ElementsAre("1", "3"))
      << "the excludes of an outer block hold for includes too";
}

TEST(Expansion, ConditionalsApplyInOrderOuterFirstAndBeforeExcludes) {
  EXPECT_THAT(instances(parse_grid(R"(
when:
  - {if: {train.seed: 1}, set: {train.epochs: 40, train.batch_size: 32}}
  - {if: {train.epochs: 40}, set: {train.clip_norm: 0.1}}
exclude: [{train.batch_size: 16}]
grid:
  - product: {train.seed: [0, 1, 2]}
    when:
      - {if: {train.seed: 1}, set: {train.epochs: 41}}
      - {if: {train.seed: 2}, set: {train.batch_size: 16}}
)"),
                        {"train.seed", "train.epochs", "train.batch_size", "train.clip_norm"}),
              ElementsAre("0/5/64/0", "1/41/32/0.1"));
}

TEST(Expansion, RepetitionsNumberEverythingInTheBlock) {
  EXPECT_THAT(instances(parse_grid("grid: [{product: {train.seed: [1, 2]}, include: [{train.seed: 9}], repetitions: 2}]"),
                        {"train.seed", "repetition"}),
              UnorderedElementsAre("1/0", "1/1", "2/0", "2/1", "9/0", "9/1"));
}

TEST(Expansion, PatternsThatMatchNothingAreNoted) {
  ExpansionCount count;
  instances(parse_grid("when: [{if: {train.seed: 7}, set: {train.epochs: 1}}]\ngrid: [{exclude: [{train.seed: 8}]}]"), {"train.seed"},
            &count);
  EXPECT_THAT(count.notes, ElementsAre("when[0] matches no instance", "grid[0].exclude[0] matches no instance"));
}

TEST(Expansion, OverridesGiveEveryInstanceTheirValue) {
  const std::string grid = R"(
grid:
  - product: {train.seed: [1, 2]}
    cases:
      - {}
      - product: {prune.rate: [0.3, 0.5]}
        include: [{prune.rate: 0.8}]
)";
  const std::vector<std::string> names{"train.seed", "prune.rate"};
  EXPECT_THAT(instances(parse_grid(grid, {"train.seed=7"}), names), ElementsAre("7/0", "7/0.3", "7/0.5", "7/0.8"));
  EXPECT_THAT(instances(parse_grid(grid, {"prune.rate=0.9"}), names), ElementsAre("1/0.9", "1/0.9", "1/0.9", "2/0.9", "2/0.9", "2/0.9"));
  EXPECT_THAT(instances(parse_grid(grid, {"train.seed=[7, 8]"}), names),
              UnorderedElementsAre("7/0", "7/0.3", "7/0.5", "7/0.8", "8/0", "8/0.3", "8/0.5", "8/0.8"));
}

TEST(Expansion, ARequiredParameterThatNobodySets) {
  const auto experiment = config::parse_experiment("name: t\ngrid:\n  - {}", "file.yaml", test::surrogate_schema());
  EXPECT_EQ(expansion_refusal([&] { instances(experiment, {}); }),
            "file.yaml:3:5: grid[0]: dataset.name is required (one of mnist, fashion-mnist): set it under parameters, as an axis of "
            "product, or by "
            "--set dataset.name=VALUE");
}

TEST(Expansion, AGridOfWhichEverythingIsExcluded) {
  const auto experiment = parse_grid("grid: [{product: {train.seed: [1, 2]}, exclude: [{train.seed: [1, 2]}]}]");
  EXPECT_EQ(expansion_refusal([&] { for_each_instance(experiment, test::surrogate_schema(), [](const auto&, const auto&) {}); }),
            "file.yaml: the grid is empty: all of its 2 instances are excluded");
}

/// A grid of 10^exponent instances.
config::Experiment huge(int exponent, const std::vector<std::string>& overrides = {}) {
  task::Schema schema;
  std::string text = "name: huge\ngrid:\n  - product:\n";
  for (int i = 0; i < exponent; ++i) {
    const std::string name = "axis" + std::to_string(i);
    schema.push_back({.name = name, .type = task::ValueType::integer, .default_value = std::int64_t{0}});
    text += "      " + name + ": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]\n";
  }
  return config::parse_experiment(text, "file.yaml", schema, overrides);
}

TEST(Size, IsCountedWithoutExpanding) {
  EXPECT_EQ(instance_bound(huge(5)), 1e5);
  EXPECT_EQ(describe_axes(huge(2)), "grid[0]: axis0 (10) x axis1 (10) = 100\n");
  EXPECT_NO_THROW(check_size(huge(6)));
  const std::string sentence = expansion_refusal([] { check_size(huge(30)); });  // expanding would never end
  EXPECT_THAT(sentence, ::testing::MatchesRegex(
                            "file.yaml: the grid has about 1e\\+30 instances, half of this machine's memory of [0-9.]+ GiB holds [0-9]+ "
                            "\\(--set run.max_tasks=N allows more\\):\ngrid\\[0\\]: axis0 \\(10\\) x axis1 \\(10\\) x (.|\n)*"));
  EXPECT_THAT(sentence, HasSubstr("axis29 (10) = about 1e+30\n"));
}

TEST(Size, TheLimitIsASetting) {
  EXPECT_EQ(expansion_refusal([] { check_size(huge(2, {"run.max_tasks=99"})); }),
            "file.yaml: the grid has 100 instances, run.max_tasks allows 99 (--set run.max_tasks=N allows more):\ngrid[0]: axis0 (10) x "
            "axis1 (10) = 100\n");
  EXPECT_NO_THROW(check_size(huge(8, {"run.max_tasks=100000000"})));
  EXPECT_EQ(task_limit(huge(2, {"run.max_tasks=99"})).tasks, 99);
  EXPECT_EQ(task_limit(huge(2)).tasks, static_cast<std::int64_t>(std::min(base::memory_bytes() / 1024, 4294967295.0)));
}

TEST(Size, RepetitionsCountToo) {
  EXPECT_THAT(expansion_refusal([] { check_size(parse_grid("grid: [{repetitions: 1000000000000000000}]")); }),
              HasSubstr("about 1e+18 instances"));
}

TEST(Expansion, InstancesKnowFilesByNameAndContentAndNotByFolder) {
  task::Schema schema = test::surrogate_schema();
  schema.push_back(test::text("network.file", "none", {}));
  schema.back().check_file = [](const std::filesystem::path&) {};
  const auto instances = [&](const std::string& folder, const std::string& hash) {
    const std::string yaml = fmt::format(
        "name: t\nparameters: {{dataset.name: mnist}}\ngrid: [{{product: {{network.file: [none, /{0}/a]}}}}]\nfiles: {{/{0}/a: \"{1}\"}}",
        folder, hash);
    std::vector<std::string> texts;
    const config::Experiment experiment = config::parse_experiment(yaml, "file.yaml", schema);
    for_each_instance(experiment, schema, [&](const task::Parameters& instance, const config::Block&) {
      texts.push_back(instance.text("network.file"));
      if (instance.contains("network.file_hash")) texts.push_back(instance.text("network.file_hash"));
    });
    return std::pair(texts, fingerprint(experiment, schema));
  };
  const std::string one(32, '1'), two(32, '2');
  EXPECT_THAT(instances("x", one).first, ElementsAre("none", "a", one));
  EXPECT_EQ(instances("x", one), instances("y", one));
  EXPECT_NE(instances("x", one).second, instances("x", two).second);
}

}  // namespace
}  // namespace espalier::plan
