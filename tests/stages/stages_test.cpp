#include "espalier/stages/stages.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "espalier/base/error.hpp"
#include "espalier/data/dataset.hpp"
#include "reduce/rounding.hpp"
#include "stages/instance_run.hpp"

namespace espalier::stages {
namespace {

using espalier::testing::InstanceRun;
using task::Parameters;
using task::StageResult;

std::set<std::string> names(const task::Schema& schema) {
  std::set<std::string> result;
  for (const task::Field& field : schema) result.insert(field.name);
  return result;
}

std::set<std::string> names(const Parameters& values) {
  std::set<std::string> result;
  for (const auto& [name, value] : values.map()) result.insert(name);
  return result;
}

TEST(Stages, ReturnTheColumnsTheyDeclareButForWhatTheyDoNotHave) {
  const InstanceRun run(
      {{"prune.criterion", std::string("magnitude")}, {"prune.rate", 0.5}, {"prune.finetuning", std::string("rewinding")}});
  EXPECT_EQ(run.results().size(), 4u);
  for (const auto& [kind, result] : run.results()) {
    const task::Stage& stage = run.stages().find(kind);
    std::set<std::string> expected = names(stage.columns());
    for (const char* absent : {"removed_off", "removed_linear", "removed_other", "removal_slack", "removal_deviation"})
      expected.erase(absent);
    for (const char* inherited : {"finetuning_seconds", "finetuning_cpu_seconds"}) expected.erase(inherited);
    if (kind == "solve") expected.erase("proved_bound");  // of the surrogate's network nothing is proved
    EXPECT_EQ(names(result.values), expected) << kind;
    for (const auto& [name, value] : result.values.map())
      EXPECT_EQ(task::type_of(value), task::find_field(stage.columns(), name)->type) << kind << "." << name;
    for (const task::Array& array : result.arrays) EXPECT_THAT(names(stage.arrays()), ::testing::Contains(array.name)) << kind;
  }
}

TEST(Stages, ASolveInheritsTheTimesOfItsNetworksFinetuning) {
  const InstanceRun run({});
  const task::Stage& solve = run.stages().find("solve");
  const task::StageKey dense{1, 1}, pruned{2, 2};
  const auto inherited = [&](Parameters parameters, std::int64_t epochs) {
    const Parameters of_pruned{
        {"epochs_run", epochs}, {"epochs_nominal", std::int64_t{6}}, {"training_seconds", 3.0}, {"training_cpu_seconds", 2.0}};
    return solve.inherited({.parameters = std::move(parameters), .parents = std::vector{dense, pruned}},
                           [&](const task::StageKey& key) -> const Parameters& {
                             EXPECT_EQ(key, pruned);
                             return of_pruned;
                           });
  };
  const Parameters surrogate{{"problem_network", std::string("dense")}, {"prune_finetuning", std::string("cumulative")}};
  EXPECT_EQ(inherited(surrogate, 2), (Parameters{{"finetuning_seconds", 9.0}, {"finetuning_cpu_seconds", 6.0}}));
  EXPECT_EQ(inherited(surrogate, 0).size(), 0U) << "every round was another's";
  EXPECT_EQ(inherited({{"prune_finetuning", std::string("none")}}, 2).size(), 0U);
  EXPECT_EQ(inherited({}, 2).size(), 0U) << "the dense arm";
}

TEST(Stages, EpochsAreCountedAsRunAndAsWritten) {
  const InstanceRun magnitude(
      {{"prune.criterion", std::string("magnitude")}, {"prune.rate", 0.5}, {"prune.finetuning", std::string("rewinding")}});
  EXPECT_EQ(magnitude.result("prune").values.integer("epochs_nominal"), 3);  // two rounds and the last one
  EXPECT_EQ(magnitude.result("prune").values.integer("epochs_run"), 2);      // the first round is a stage of its own
  const InstanceRun random(
      {{"prune.criterion", std::string("random")}, {"prune.rate", 0.5}, {"prune.finetuning", std::string("rewinding")}});
  EXPECT_EQ(random.result("prune").values.integer("epochs_nominal"), 3);
  EXPECT_EQ(random.result("prune").values.integer("epochs_run"), 1);
}

TEST(Stages, RunTwiceGiveTheSameNumbers) {
  const std::initializer_list<Parameters::Map::value_type> changes{{"prune.criterion", std::string("random")}, {"prune.rate", 0.5}};
  const InstanceRun first(changes);
  const InstanceRun second(changes);
  for (const char* column : {"train_accuracy", "test_accuracy", "final_loss"})
    EXPECT_EQ(first.result("train").values.real(column), second.result("train").values.real(column)) << column;
  for (const char* column : {"claimed_objective", "verified_objective", "dual_bound"})
    EXPECT_EQ(first.result("solve").values.real(column), second.result("solve").values.real(column)) << column;
  for (const std::size_t array : {0u, 1u}) EXPECT_EQ(first.result("solve").arrays.at(array), second.result("solve").arrays.at(array));
}

TEST(Stages, TheRegionIsThatOfTheParameters) {
  for (const char* region : {"l1", "l2", "linf", "row-wise"}) {
    const InstanceRun run({{"problem.region", std::string(region)}, {"problem.epsilon", 0.125}, {"solve.solver", std::string("bab")}});
    const StageResult& solve = run.result("solve");
    const auto array = [&](const std::string& name) {
      const auto it = std::find_if(solve.arrays.begin(), solve.arrays.end(), [&](const task::Array& a) { return a.name == name; });
      return Eigen::Map<const Eigen::VectorXd>(it->values.data(), static_cast<Eigen::Index>(it->values.size()));
    };
    const Eigen::VectorXd change = array("best_input") - array("clean_input");
    double rows = 0;
    for (Eigen::Index row = 0; row < 8; ++row) rows += change.segment(8 * row, 8).lpNorm<Eigen::Infinity>();
    const std::string norm = region;
    const double length = norm == "l1"     ? change.lpNorm<1>()
                          : norm == "l2"   ? change.norm()
                          : norm == "linf" ? change.lpNorm<Eigen::Infinity>()
                                           : rows;
    EXPECT_NEAR(solve.values.real("distance"), length, 1e-12) << region;
    EXPECT_NEAR(length, 0.125, 1e-6) << region;  // more changes a margin more
  }
}

TEST(Stages, ImagesAreOfEitherSplit) {
  const auto image = [](const char* split) {
    const InstanceRun run({{"problem.split", std::string(split)},
                           {"problem.sample_index", std::int64_t{17}},
                           {"train.epochs", std::int64_t{0}},
                           {"solve.solver", std::string("attack")}});
    const StageResult& solve = run.result("solve");
    EXPECT_EQ(solve.arrays.front().name, "clean_input");
    return std::pair{solve.arrays.front().values, solve.values.text("problem")};
  };
  const data::Dataset data = data::load_dataset("mnist", 8, {.defaults = {ESPALIER_SOURCE_DIR "/data"}});
  const auto values = [](const Eigen::VectorXd& x) { return std::vector<double>(x.begin(), x.end()); };
  const auto train = image("train"), test = image("test");
  EXPECT_EQ(train.first, values(data.train.input(17)));
  EXPECT_EQ(test.first, values(data.test.input(17)));
  EXPECT_NE(train.second, test.second);
}

TEST(Stages, LabelSourceSurrogateAsksTheSurrogate) {
  // All rows of the output layer but one are pruned: the surrogate's classes are others than the dense network's.
  const InstanceRun run({{"prune.criterion", std::string("magnitude")},
                         {"prune.structure", std::string("structured")},
                         {"prune.rate", 0.9},
                         {"problem.label_source", std::string("surrogate")}});
  const InstanceRun dense(
      {{"prune.criterion", std::string("magnitude")}, {"prune.structure", std::string("structured")}, {"prune.rate", 0.9}});
  const Parameters& a = run.result("solve").values;
  const Parameters& b = dense.result("solve").values;
  EXPECT_FALSE(a.integer("label") == b.integer("label") && a.integer("target") == b.integer("target"));
  EXPECT_FALSE(b.boolean("clean_input_misclassified"));
}

/// Structured perspective regularisation from end to end, strong enough to remove neurons after one epoch.
const std::initializer_list<Parameters::Map::value_type> spr{{"train.optimizer", std::string("sgd")},
                                                             {"train.learning_rate", 0.1},
                                                             {"train.regulariser", std::string("spr")},
                                                             {"train.regulariser_strength", 0.5},
                                                             {"train.spr_alpha", 0.9},
                                                             {"prune.criterion", std::string("threshold")},
                                                             {"prune.tolerance", 0.1},
                                                             {"prune.finetuning", std::string("cumulative")},
                                                             {"prune.learning_rate", 0.1},
                                                             {"prune.compact", true},
                                                             {"problem.network", std::string("embedded")},
                                                             {"problem.epsilon", 30.0},
                                                             {"problem.transfer_seeds", task::IntegerList{0, 1}}};

TEST(Stages, SprPrunesByThresholdCompactsAndAsksTheSmallNetwork) {
  const InstanceRun run(spr);
  const Parameters& pruned = run.result("prune").values;
  EXPECT_GT(pruned.real("prune_threshold"), 0);
  EXPECT_GE(pruned.real("best_test_accuracy"), pruned.real("test_accuracy"));
  EXPECT_LT(pruned.integer("parameters"), 8 * 64 + 8 + 6 * 8 + 6 + 10 * 6 + 10) << pruned.text("architecture");
  const Parameters& solve = run.result("solve").values;
  EXPECT_EQ(solve.text("dense_network"), solve.text("embedded_network"));
  EXPECT_EQ(solve.real("dense_test_accuracy"), pruned.real("test_accuracy"));
  EXPECT_TRUE(solve.boolean("adversarial")) << pruned.text("architecture") << ": " << solve.text("solve_status");
  EXPECT_EQ(solve.integer("transfer_networks"), 2);
  const auto& arrays = run.result("solve").arrays;
  const auto margins = std::find_if(arrays.begin(), arrays.end(), [](const task::Array& a) { return a.name == "transfer_margin"; });
  ASSERT_NE(margins, arrays.end());
  EXPECT_EQ(std::count_if(margins->values.begin(), margins->values.end(), [](double m) { return m > 0; }),
            solve.integer("transfer_adversarial"));
}

TEST(Stages, TheCompactedNetworkComputesWhatTheMaskedOneDoesOnRealImages) {
  std::vector<Parameters::Map::value_type> masked(spr);
  masked.push_back({"prune.compact", false});
  const nn::Network whole = InstanceRun(masked).network("prune").network, small = InstanceRun(spr).network("prune").network;
  ASSERT_EQ(nn::architecture(whole), "64-8-6-10");
  ASSERT_LT(small.parameter_count(), whole.parameter_count()) << nn::architecture(small);
  const data::Dataset data = data::load_dataset("mnist", 8, {.defaults = {ESPALIER_SOURCE_DIR "/data"}});
  for (std::size_t i = 0; i < 2000; ++i)
    espalier::testing::expect_equal_to_rounding(whole, small, data.test.input(i), "test image " + std::to_string(i));
}

std::vector<Parameters::Map::value_type> selection(task::RealList strengths, double margin) {
  std::vector<Parameters::Map::value_type> changes(spr);
  changes.push_back({"select.strengths", std::move(strengths)});
  changes.push_back({"select.margin", margin});
  return changes;
}

TEST(Stages, TheSmallestNetworkThatIsAccurateEnoughIsSelected) {
  const InstanceRun run(selection({0.05, 20.0}, 0.2));
  const StageResult& selected = run.result("select");
  const auto array = [&](const std::string& name) {
    return std::find_if(selected.arrays.begin(), selected.arrays.end(), [&](const task::Array& a) { return a.name == name; })->values;
  };
  const std::vector<double> accuracy = array("candidate_test_accuracy"), neurons = array("candidate_neurons");
  ASSERT_EQ(accuracy.size(), 2u);
  ASSERT_LT(accuracy[1], accuracy[0]) << "the second is over-regularised";
  ASSERT_LT(neurons[1], neurons[0]);
  ASSERT_LT(accuracy[1], selected.values.real("baseline_test_accuracy") - 0.2);
  EXPECT_EQ(selected.values.integer("admissible_candidates"), 1);
  EXPECT_EQ(selected.values.real("selected_strength"), 0.05);
  EXPECT_EQ(selected.values.real("test_accuracy"), accuracy[0]);
  EXPECT_EQ(run.result("solve").values.real("embedded_test_accuracy"), accuracy[0]);
}

TEST(Stages, WithAWideMarginTheSmallestNetworkIsSelected) {
  EXPECT_EQ(InstanceRun(selection({0.05, 20.0}, 1)).result("select").values.real("selected_strength"), 20.0);
}

TEST(Stages, NoCandidateThatIsAccurateEnoughIsAnErrorThatNamesTheBest) {
  try {
    InstanceRun(selection({10.0, 20.0}, 0.2));
    FAIL() << "no error";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::data) << error.what();
    EXPECT_NE(std::string(error.what()).find("none of 2 candidates is accurate enough"), std::string::npos) << error.what();
  }
}

TEST(Stages, ADivergedTrainingIsAnErrorOfKindNumeric) {
  try {
    InstanceRun({{"train.optimizer", std::string("sgd")}, {"train.learning_rate", 1e30}});
    FAIL() << "no error";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::numeric) << error.what();
  }
}

/// With --extend and a larger limit it is run again.
TEST(Stages, ASolveMetItsTimeLimitIfThatEndedItOrCutSomethingShort) {
  const InstanceRun run({{"prune.criterion", std::string("none")}});
  const task::Stage& stage = run.stages().find("solve");
  const auto met = [&](const std::string& limit, const std::string& cut_short) {
    task::Outcome outcome;
    outcome.kind = task::OutcomeKind::done;
    outcome.values = run.result("solve").values;
    outcome.values.set("solve_status", std::string("optimal"));
    outcome.values.set("solve_limit", limit);
    outcome.values.set("cut_short", cut_short);
    return stage.met_limit(outcome, {});
  };
  EXPECT_FALSE(met("none", "none"));
  EXPECT_FALSE(met("nodes", "none"));
  EXPECT_TRUE(met("time", "none"));
  EXPECT_TRUE(met("none", "bounds"));
  EXPECT_TRUE(met("nodes", "attack+bounds"));
}

}  // namespace
}  // namespace espalier::stages
