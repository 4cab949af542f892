// From instances to distinct tasks: keys, sharing, fingerprints and what changed between two configurations.
#include "espalier/plan/plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "espalier/plan/difference.hpp"
#include "plan/surrogate_pipeline.hpp"

namespace espalier::plan {
namespace {

using config::Experiment;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const test::SurrogatePipeline the_pipeline;

Experiment parse(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return config::parse_experiment(text, "file.yaml", the_pipeline.schema(), overrides);
}
Experiment load(const std::string& name, const std::vector<std::string>& overrides = {}) {
  return config::load_experiment(std::string(ESPALIER_SOURCE_DIR) + "/configs/" + name + ".yaml", the_pipeline.schema(), overrides);
}
Plan plan_of(const Experiment& experiment) { return make_plan(experiment, the_pipeline, test::version_one); }

std::string refusal(const std::function<void()>& action) {
  try {
    action();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::configuration);
    return error.what();
  }
  return "accepted";
}

std::set<std::string> keys(const Plan& plan) {
  std::set<std::string> keys;
  for (const auto& planned : plan.graph.tasks) keys.insert(planned.spec.key.hex());
  return keys;
}

constexpr const char* small_grid = R"(
name: small
grid:
  - parameters: {dataset.name: mnist}
    product: {train.seed: [1, 2]}
    cases:
      - {}
      - parameters: {prune.criterion: magnitude}
        product: {prune.rate: [0.3, 0.5]}
)";

TEST(Plan, TheExampleOfThePageOnExperimentFilesIsWhatThePageSays) {
  const std::string page = base::read_file(ESPALIER_SOURCE_DIR "/configs/README.md");
  const std::size_t begin = page.find("```yaml\n") + 8, end = page.find("```", begin);
  const Plan plan = plan_of(parse(page.substr(begin, end - begin)));
  EXPECT_THAT(page, HasSubstr("= 140\ninstances, less 10 that are excluded"));
  EXPECT_EQ(plan.instances, 130U);
}

TEST(Plan, ProgressIsTold) {
  const Experiment experiment =
      parse("name: t\nparameters: {dataset.name: mnist}\ngrid: [{product: {solve.seed: {range: [1, 25000, 1]}}}]");
  std::vector<std::uint64_t> told;
  const Plan plan = make_plan(experiment, the_pipeline, test::version_one, [&](std::uint64_t instances, double most) {
    told.push_back(instances);
    EXPECT_EQ(most, 25000);
  });
  EXPECT_EQ(plan.instances, 25000U);
  EXPECT_THAT(told, ElementsAre(10000, 20000));
}

TEST(Plan, SharesEqualStages) {
  const Plan plan = plan_of(parse(small_grid));
  EXPECT_EQ(plan.instances, 6U);
  EXPECT_EQ(plan.duplicates, 0U);
  ASSERT_EQ(plan.stages.size(), 3U);
  EXPECT_EQ(plan.stages[0].kind, "train");
  EXPECT_EQ(plan.stages[0].requested, 6U);
  EXPECT_EQ(plan.stages[0].distinct, 2U);
  EXPECT_EQ(plan.stages[1].kind, "solve");
  EXPECT_EQ(plan.stages[1].distinct, 6U);
  EXPECT_EQ(plan.stages[2].kind, "prune");
  EXPECT_EQ(plan.stages[2].requested, 4U);
  EXPECT_EQ(plan.graph.tasks.size(), 12U);
  EXPECT_EQ(plan.expected_seconds, 2 * 2 + 4 * 3 + 6 * 5);
  EXPECT_EQ(plan.longest_chain_seconds, 2 + 3 + 5);
  EXPECT_EQ(plan.most_seconds, 2 * 2 + 4 * 3 + 6 * 300);
}

TEST(Plan, PutsParentsBeforeChildrenAndNamesThemInBothWays) {
  const Plan plan = plan_of(load("quickstart"));
  for (std::size_t i = 0; i < plan.graph.tasks.size(); ++i) {
    const task::PlannedTask& planned = plan.graph.tasks[i];
    ASSERT_EQ(planned.parents.size(), planned.spec.parents.size());
    EXPECT_EQ(planned.spec.key, task::make_key(planned.spec.kind, 1, planned.spec.parameters, planned.spec.parents));
    for (std::size_t p = 0; p < planned.parents.size(); ++p) {
      ASSERT_LT(planned.parents[p].value, i);
      EXPECT_EQ(plan.graph.tasks[planned.parents[p].value].spec.key, planned.spec.parents[p]);
    }
  }
}

TEST(Plan, EqualInstancesAreOneTaskAndAreReported) {
  const Plan plan = plan_of(
      parse("name: t\nparameters: {dataset.name: mnist}\ngrid: [{}, {parameters: {prune.rate: 0.5}}, {product: {train.seed: [0, 1]}}]"));
  EXPECT_EQ(plan.instances, 4U);
  EXPECT_EQ(plan.duplicates, 2U) << "without a criterion the rate changes nothing";
  EXPECT_EQ(plan.graph.tasks.size(), 4U);
  EXPECT_THAT(describe(plan), HasSubstr("4 instances, 2 of them duplicates"));
}

// Results of earlier runs are found by these keys: a change here orphans them. Raise a stage's schema version instead.
TEST(Keys, AreStable) {
  const Plan plan = plan_of(parse("name: t\nparameters: {dataset.name: mnist, prune: {criterion: magnitude, rate: 0.3}}\ngrid: [{}]"));
  ASSERT_EQ(plan.graph.tasks.size(), 3U);
  EXPECT_EQ(plan.graph.tasks[0].spec.key.hex(), "a0e8086763531f1ca36462407d820e87");
  EXPECT_EQ(plan.graph.tasks[1].spec.key.hex(), "0053b4546d17f153d9dab76b127c1f2b");
  EXPECT_EQ(plan.graph.tasks[2].spec.key.hex(), "363a9d2c7de48225ea02bc7fcd270549");
  EXPECT_EQ(plan.fingerprint.hex(), "666fd29b673c3e006ebf939116c308d5");
}

TEST(Keys, DoNotDependOnOrderNotationOrPlaceInTheFile) {
  const Plan plan = plan_of(parse(small_grid));
  const Plan other = plan_of(parse(R"(
name: the same by other means
run: {max_failures: 3}
grid:
  - zip: [{prune.rate: 5e-1, train.seed: 2}, {prune: {rate: 0.30}, train: {seed: 1}}, {train.seed: 1, prune.rate: 0.5}, {train.seed: 2, prune.rate: 0.3}]
    parameters: {prune.criterion: "magnitude"}
  - product: {train.seed: [2]}
  - product: {train.seed: [1]}
parameters: {train: {epochs: 5, learning_rate: 1e-3}, dataset: {name: mnist}}
)"));
  EXPECT_EQ(keys(other), keys(plan));
  EXPECT_EQ(other.fingerprint, plan.fingerprint);
}

TEST(Keys, DependOnParametersAndSchemaVersions) {
  const Plan plan = plan_of(parse(small_grid));
  const auto version_two_of_prune = [](const std::string& kind) { return kind == "prune" ? 2U : 1U; };
  const Plan raised = make_plan(parse(small_grid), the_pipeline, version_two_of_prune);
  std::vector<std::string> common;
  const auto before = keys(plan), now = keys(raised);
  std::set_intersection(before.begin(), before.end(), now.begin(), now.end(), std::back_inserter(common));
  EXPECT_EQ(common.size(), 4U) << "2 trainings and 2 dense solves stay; prunings and what follows them are other tasks";
  EXPECT_NE(keys(plan_of(parse(small_grid, {"train.epochs=6"}))), before);
}

TEST(Configs, HaveTheNumbersOfThePaper) {
  const Plan tier1 = plan_of(load("surrogate-tier1"));
  EXPECT_EQ(tier1.instances, 820U);
  EXPECT_EQ(tier1.duplicates, 0U);
  ASSERT_EQ(tier1.stages[0].kind, "train");
  EXPECT_EQ(tier1.stages[0].distinct, 20U);
  ASSERT_EQ(tier1.stages[2].kind, "prune");
  EXPECT_EQ(tier1.stages[2].distinct, 800U);
  EXPECT_EQ(tier1.stages[1].distinct, 820U);
  EXPECT_TRUE(tier1.notes.empty());

  const Plan full = plan_of(load("surrogate-full"));
  EXPECT_EQ(full.instances, 6560U);
  EXPECT_EQ(full.duplicates, 0U);
  EXPECT_EQ(full.stages[0].distinct, 160U);
  EXPECT_EQ(full.stages[1].distinct, 6560U);
  const auto small = keys(tier1), all = keys(full);
  EXPECT_TRUE(std::includes(all.begin(), all.end(), small.begin(), small.end()))
      << "what tier 1 computed, the whole grid need not compute again";

  const Plan quick = plan_of(load("quickstart"));
  EXPECT_EQ(quick.instances, 45U);
  EXPECT_EQ(quick.stages[0].distinct, 5U);
}

TEST(Configs, DifferInTrainingBetweenTheDatasets) {
  for (const task::PlannedTask& planned : plan_of(load("surrogate-tier1")).graph.tasks) {
    if (planned.spec.kind != "train") continue;
    const task::Parameters& p = planned.spec.parameters;
    const bool fashion = p.text("dataset.name") == "fashion-mnist";
    EXPECT_EQ(p.integer("train.epochs"), fashion ? 40 : 5);
    EXPECT_EQ(p.integer("train.batch_size"), fashion ? 32 : 64);
    EXPECT_EQ(p.real("train.weight_decay"), fashion ? 1e-4 : 1e-3);
    EXPECT_EQ(p.real("train.clip_norm"), fashion ? 0.1 : 0);
    EXPECT_EQ(p.integer("train.schedule_step"), fashion ? 10 : 0);
    EXPECT_EQ(p.real("train.schedule_factor"), 0.1);
    EXPECT_EQ(p.integer("train.seed") % 10, 2);
  }
}

TEST(Configs, WrittenOutGiveTheSamePlan) {
  for (const char* name : {"quickstart", "surrogate-tier1", "surrogate-full"})
    for (const std::vector<std::string>& overrides : {std::vector<std::string>{}, {"train.seed=12", "prune.rate=[0.5, 0.9]"}}) {
      const Experiment experiment = load(name, overrides);
      const Plan plan = plan_of(experiment), again = plan_of(parse(config::to_yaml(experiment)));
      EXPECT_EQ(keys(again), keys(plan));
      EXPECT_EQ(again.fingerprint, plan.fingerprint);
    }
}

TEST(Plan, NamesTheInstanceThatThePipelineRefuses) {
  EXPECT_EQ(refusal([] {
              plan_of(parse(
                  "name: t\nparameters: {dataset.name: mnist, prune.criterion: magnitude}\ngrid:\n  - product: {prune.steps: [5, 99]}"));
            }),
            "file.yaml:4:5: grid[0], instance {prune.steps = 99}: prune.steps: expected at most 50 with a criterion");
}

TEST(Plan, CountsTasksToo) {
  EXPECT_EQ(refusal([] { plan_of(parse(small_grid, {"run.max_tasks=8"})); }),
            "the grid needs more tasks than fit: run.max_tasks allows 8 (--set run.max_tasks=N allows more)");
}

TEST(Plan, ExpectedTimesCanBeLearned) {
  Plan plan = plan_of(parse(small_grid));
  const double solves = plan.stages[1].expected_seconds, trainings = plan.stages[0].expected_seconds;
  task::CostModel costs;
  for (const task::PlannedTask& planned : plan.graph.tasks)
    if (planned.spec.kind == "solve") costs.add(costs.group("solve", planned.expected_seconds), planned.expected_seconds / 10);
  for (const task::PlannedTask& planned : plan.graph.tasks)
    if (planned.spec.kind == "train") costs.add(costs.group("train", planned.expected_seconds), 3 * planned.expected_seconds);
  expect(plan, costs);
  EXPECT_NEAR(plan.stages[1].expected_seconds, solves / 10, 1e-9);
  EXPECT_NEAR(plan.stages[0].expected_seconds, 3 * trainings, 1e-9);
  EXPECT_EQ(plan.measured_tasks, costs.measured());
  EXPECT_THAT(describe(plan), testing::HasSubstr(fmt::format("learned from {} finished stages", costs.measured())));
}

TEST(Plan, IsDescribedForPeopleAndPrograms) {
  const Plan plan = plan_of(parse(small_grid, {"train.epochs=6", "prune.rate=[0.3, 0.5]"}));
  EXPECT_EQ(describe(plan), R"(small

grid[0]: train.seed (2) x cases (3) = 6
grid[0].cases[0]: one instance = 1
grid[0].cases[1]: prune.rate (2) = 2

6 instances

stage         requested     shared     to run   expected CPU
train                 6          4          2          4.0 s
solve                 6          0          6           30 s
prune                 4          0          4           12 s
total                16          4         12           46 s

guessed from sizes alone, on one core: 46 s in all, 10 s for the longest chain of stages; solves may take
much less or more, in all 30 min if each meets its limit
note: --set prune.rate=[0.3, 0.5] replaces the 2 values of grid[0].cases[1].product.prune.rate
)");
  const auto json = nlohmann::json::parse(to_json(plan));
  EXPECT_EQ(json.at("tasks"), 12);
  EXPECT_EQ(json.at("stages").at(0).at("kind"), "train");
  EXPECT_EQ(json.at("stages").at(0).at("shared"), 4);
  EXPECT_EQ(json.at("fingerprint"), plan.fingerprint.hex());
}

TEST(Difference, SaysWhichParametersChanged) {
  const Experiment before = parse(small_grid);
  const auto differences = [&](const Experiment& now) { return to_text(difference(before, now, the_pipeline.schema())); };
  EXPECT_EQ(differences(parse(small_grid, {"run.max_failures=2"})), "");
  EXPECT_EQ(differences(parse(small_grid, {"train.epochs=6"})), "train.epochs was 5, now 6");
  EXPECT_EQ(differences(parse(small_grid, {"train.seed=1", "solve.time_limit=20"})),
            "train.seed was 1, 2, now 1; solve.time_limit was 300, now 20");
  EXPECT_EQ(differences(parse(small_grid, {"network.hidden=[8, 8]"})), "network.hidden was [], now 8-8");
  EXPECT_EQ(
      differences(parse(
          "name: t\nparameters: {dataset.name: mnist}\ngrid:\n  - zip: [{train.seed: 1, prune.rate: 0.3, prune.criterion: magnitude}, "
          "{train.seed: 2, prune.rate: 0.5, prune.criterion: none}, {train.seed: 2, prune.rate: 0, prune.criterion: none}]")),
      "grid was 6 instances, now 3 instances, other combinations of the same values");
  EXPECT_EQ(fingerprint(before, the_pipeline.schema()), plan_of(before).fingerprint);
}

TEST(Difference, ShortensLongLists) {
  const auto changes = difference(parse("name: t\nparameters: {dataset.name: mnist}\ngrid: [{}]"),
                                  parse("name: t\nparameters: {dataset.name: mnist}\ngrid: [{repetitions: 100}]"), the_pipeline.schema());
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].now, "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ..., 99 (100 values)");
}

}  // namespace
}  // namespace espalier::plan
