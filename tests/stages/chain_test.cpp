#include "espalier/stages/chain.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "espalier/base/error.hpp"
#include "espalier/data/dataset.hpp"
#include "espalier/stages/parameters.hpp"

namespace espalier::stages {
namespace {

using task::Parameters;
using task::StageRequest;

Parameters instance(std::initializer_list<Parameters::Map::value_type> changes = {}) {
  Parameters p;
  for (const task::Field& field : parameter_schema())
    if (field.default_value) p.set(field.name, *field.default_value);
  p.set("dataset.name", std::string("mnist"));
  for (const auto& [name, value] : changes) p.set(name, value);
  return p;
}

std::vector<std::string> kinds(const std::vector<StageRequest>& requests) {
  std::vector<std::string> names;
  for (const StageRequest& r : requests) names.push_back(r.kind);
  return names;
}

const Parameters::Map::value_type magnitude{"prune.criterion", std::string("magnitude")};
const Parameters::Map::value_type random_criterion{"prune.criterion", std::string("random")};
const Parameters::Map::value_type rewinding{"prune.finetuning", std::string("rewinding")};

TEST(Chain, EveryDefaultIsLegal) {
  for (const task::Field& field : parameter_schema()) {
    EXPECT_FALSE(field.meaning.empty()) << field.name;
    if (field.default_value) {
      EXPECT_EQ(task::check_value(field, *field.default_value), "") << field.name;
    }
  }
}

TEST(Chain, DenseArmIsTrainAndSolve) {
  const auto requests = expand_chain(instance());
  EXPECT_THAT(kinds(requests), testing::ElementsAre("train", "solve"));
  EXPECT_THAT(requests.back().parents, testing::ElementsAre(0));
}

TEST(Chain, TheExpectedTimesAreThoseThatWereMeasured) {
  struct Measured {
    std::int64_t side;
    task::IntegerList hidden;
    double epoch;  ///< s of CPU time (README, bench/results/spr-bounds.h5)
  };
  for (const Measured& m : {Measured{18, {32, 32}, 0.042}, Measured{28, {64, 64, 64, 64}, 0.199}, Measured{28, {50, 50}, 0.18},
                            Measured{28, {100, 100}, 0.30}}) {
    const auto requests =
        expand_chain(instance({{"dataset.side", m.side}, {"network.hidden", m.hidden}, {"train.epochs", std::int64_t{1000}}}));
    const double ratio = requests.front().expected_seconds / (1000 * m.epoch);
    EXPECT_GT(ratio, 1 / 1.5) << m.epoch;
    EXPECT_LT(ratio, 1.5) << m.epoch;
  }
  const auto solve = [](std::initializer_list<Parameters::Map::value_type> changes) {
    return expand_chain(instance(changes)).back().expected_seconds;
  };
  const Parameters::Map::value_type cbc{"solve.solver", std::string("cbc")};
  EXPECT_NEAR(std::log10(solve({cbc, {"dataset.side", std::int64_t{18}}}) / 1.9), 0,
              1);  // the dense problems of bench/results/surrogate-tier1
  EXPECT_NEAR(std::log10(solve({cbc, magnitude, {"prune.rate", 0.9}}) / 0.05), 0, 1);
  EXPECT_EQ(solve({cbc, {"solve.bounds", std::string("interval-box")}, {"network.width", std::int64_t{100}}}), 300);  // its limit
}

TEST(Chain, PrunedWithoutFinetuningHasNoFirstRound) {
  const auto requests = expand_chain(instance({magnitude, {"prune.rate", 0.5}}));
  EXPECT_THAT(kinds(requests), testing::ElementsAre("train", "prune", "solve"));
  EXPECT_THAT(requests[1].parents, testing::ElementsAre(0));
  EXPECT_THAT(requests[2].parents, testing::ElementsAre(0, 1));
}

TEST(Chain, RewindingByMagnitudeNeedsTheFirstRound) {
  const auto requests = expand_chain(instance({magnitude, rewinding, {"prune.rate", 0.5}}));
  EXPECT_THAT(kinds(requests), testing::ElementsAre("train", "first_round", "prune", "solve"));
  EXPECT_THAT(requests[2].parents, testing::ElementsAre(0, 1));
  EXPECT_THAT(requests[3].parents, testing::ElementsAre(0, 2));
}

TEST(Chain, RewindingAtRandomDoesNotNeedTheFirstRound) {
  const auto requests = expand_chain(instance({random_criterion, rewinding, {"prune.rate", 0.5}}));
  EXPECT_THAT(kinds(requests), testing::ElementsAre("train", "prune", "solve"));
}

TEST(Chain, TheFirstRoundIsTheSameForAllRatesAndStructures) {
  std::set<std::string> contents;
  for (const double rate : {0.3, 0.95})
    for (const char* structure : {"unstructured", "structured"})
      contents.insert(expand_chain(instance({magnitude, rewinding, {"prune.rate", rate}, {"prune.structure", std::string(structure)}}))[1]
                          .parameters.canonical());
  EXPECT_EQ(contents.size(), 1u);
}

TEST(Chain, WhatCannotMatterDoesNotMakeAnotherTask) {
  const auto plain = expand_chain(instance());
  const auto same = expand_chain(instance({{"prune.rate", 0.9}, rewinding, {"prune.seed", std::int64_t{7}}}));
  EXPECT_EQ(plain.back().parameters, same.back().parameters);
  const auto listed = expand_chain(instance({{"network.hidden", task::IntegerList{32, 32}}, {"network.width", std::int64_t{9}}}));
  EXPECT_EQ(plain.front().parameters, listed.front().parameters);
}

TEST(Chain, EveryStageNamesTheContentOfItsData) {
  std::set<std::string> hashes;
  for (const char* name : {"mnist", "fashion-mnist"})
    for (const StageRequest& request :
         expand_chain(instance({{"dataset.name", std::string(name)}, magnitude, rewinding, {"prune.rate", 0.5}}))) {
      EXPECT_EQ(request.parameters.text("dataset_hash"), data::content_hash(name)) << request.kind;
      hashes.insert(request.parameters.text("dataset_hash"));
    }
  EXPECT_EQ(hashes.size(), 2u);
}

TEST(Chain, WhatMattersMakesAnotherTask) {
  const auto base = expand_chain(instance({random_criterion, {"prune.rate", 0.5}}));
  const auto seed = expand_chain(instance({random_criterion, {"prune.rate", 0.5}, {"prune.seed", std::int64_t{7}}}));
  EXPECT_EQ(base[0].parameters, seed[0].parameters);
  EXPECT_FALSE(base[1].parameters == seed[1].parameters);
  const auto time_limit = expand_chain(instance({random_criterion, {"prune.rate", 0.5}, {"solve.time_limit", 5.0}}));
  EXPECT_EQ(base[1].parameters, time_limit[1].parameters);
  EXPECT_FALSE(base[2].parameters == time_limit[2].parameters);
}

/// Names of a stage's parameters that begin with `section`.
std::vector<std::string> names(const StageRequest& request, const std::string& section) {
  std::vector<std::string> all;
  for (const auto& [name, value] : request.parameters.map())
    if (name.starts_with(section)) all.push_back(name.substr(section.size()));
  return all;
}

TEST(Chain, ARowHasWhatItsVariantHas) {
  using testing::ElementsAre;
  const auto last = [](std::initializer_list<Parameters::Map::value_type> changes) { return expand_chain(instance(changes)).back(); };
  const Parameters::Map::value_type threshold{"prune.criterion", std::string("threshold")};
  EXPECT_THAT(names(last({}), "prune_"), ElementsAre("criterion"));
  EXPECT_THAT(names(last({}), "problem_"), ElementsAre("epsilon", "region", "sample_index", "split", "target", "transfer_seeds"));
  EXPECT_THAT(names(last({}), "select_"), ElementsAre());
  EXPECT_THAT(names(last({magnitude}), "prune_"),
              ElementsAre("compact", "criterion", "finetuning", "output", "proof", "rate", "steps", "structure"));
  EXPECT_THAT(names(last({random_criterion, rewinding}), "prune_"),
              ElementsAre("batch_size", "compact", "criterion", "epochs", "finetuning", "learning_rate", "output", "proof", "rate", "seed",
                          "steps", "structure"));
  EXPECT_THAT(names(last({threshold}), "prune_"),
              ElementsAre("compact", "criterion", "finetuning", "output", "proof", "row_fraction", "tolerance"));
  EXPECT_THAT(names(last({}), "solve_"), ElementsAre("compress", "goal", "node_limit", "on_success", "seed", "solver", "time_limit"));
  EXPECT_THAT(
      names(last({{"solve.solver", std::string("cbc")}, {"solve.goal", std::string("decide")}}), "solve_"),
      ElementsAre("bounds", "check_share", "compress", "formulation", "goal", "node_limit", "seed", "solver", "start", "time_limit"));
  EXPECT_FALSE(last({{"train.momentum", 0.9}}).parameters.contains("train_momentum")) << "adam has none";
  EXPECT_TRUE(last({{"train.optimizer", std::string("sgd")}}).parameters.contains("train_momentum"));
}

TEST(Chain, AMilpSolverTakesNoEuclideanBall) {
  const Parameters::Map::value_type l2{"problem.region", std::string("l2")}, bab{"solve.solver", std::string("bab")};
  EXPECT_EQ(expand_chain(instance({l2, bab})).back().parameters.text("problem_region"), "l2");
  try {
    expand_chain(instance({l2, {"solve.solver", std::string("cbc")}}));
    FAIL() << "accepted";
  } catch (const base::Error& error) {
    EXPECT_STREQ(
        error.what(),
        "solve.solver: expected bab or attack over a region of norm l2, found 'cbc': a Euclidean ball is no part of a linear model");
  }
}

TEST(Chain, ExactCompressionNeedsAProof) {
  const Parameters::Map::value_type exact{"prune.criterion", std::string("exact")}, crown{"prune.proof", std::string("crown")};
  EXPECT_THAT([&] { expand_chain(instance({exact})); },
              testing::ThrowsMessage<base::Error>(testing::HasSubstr("expected their kind, such as crown, found none")));
  const auto requests = expand_chain(instance({exact, crown}));
  EXPECT_THAT(kinds(requests), testing::ElementsAre("train", "prune", "solve"));
  EXPECT_THAT(names(requests[1], "prune_"), testing::ElementsAre("criterion", "proof"));
}

TEST(Chain, TheAttackHasNothingToCompress) {
  const Parameters::Map::value_type attack{"solve.solver", std::string("attack")}, compress{"solve.compress", true};
  EXPECT_EQ(expand_chain(instance({attack})).back().parameters, expand_chain(instance({attack, compress})).back().parameters);
  EXPECT_FALSE(expand_chain(instance()).back().parameters == expand_chain(instance({compress})).back().parameters);
}

const Parameters::Map::value_type spr{"train.regulariser", std::string("spr")};
const Parameters::Map::value_type threshold{"prune.criterion", std::string("threshold")};
const Parameters::Map::value_type embedded{"problem.network", std::string("embedded")};

TEST(Chain, SprTakesItsMFromTheNetworkTrainedWithout) {
  const auto requests = expand_chain(instance({spr, threshold, embedded, {"train.regulariser_strength", 0.5}}));
  EXPECT_THAT(kinds(requests), testing::ElementsAre("train", "train", "prune", "solve"));
  EXPECT_EQ(requests[0].parameters, expand_chain(instance())[0].parameters) << "the baseline's network, shared";
  EXPECT_THAT(requests[1].parents, testing::ElementsAre(0));
  EXPECT_THAT(requests[2].parents, testing::ElementsAre(1));
  EXPECT_THAT(requests[3].parents, testing::ElementsAre(2)) << "the question is about the pruned network alone";
}

TEST(Chain, SprWithTheInitialMHasNoReference) {
  const auto requests = expand_chain(instance({spr, {"train.spr_big_m", std::string("initial")}}));
  EXPECT_THAT(kinds(requests), testing::ElementsAre("train", "solve"));
  EXPECT_THAT(requests[0].parents, testing::IsEmpty());
}

TEST(Chain, TransferNetworksAreTheBaselinesOfTheSeeds) {
  const auto requests = expand_chain(instance({spr, threshold, embedded, {"problem.transfer_seeds", task::IntegerList{0, 7}}}));
  EXPECT_THAT(kinds(requests), testing::ElementsAre("train", "train", "prune", "train", "train", "solve"));
  EXPECT_THAT(requests[5].parents, testing::ElementsAre(2, 3, 4));
  EXPECT_EQ(requests[3].parameters, requests[0].parameters) << "train.seed is 0: one task";
  EXPECT_EQ(requests[4].parameters.integer("train_seed"), 7);
  EXPECT_EQ(requests[4].parameters.text("train_regulariser"), "none");
}

const Parameters::Map::value_type strengths{"select.strengths", task::RealList{0.1, 0.5}};
const Parameters::Map::value_type alphas{"select.alphas", task::RealList{0.1, 0.9}};

TEST(Chain, SelectionTrainsAndPrunesEveryCandidate) {
  const auto requests = expand_chain(instance({spr, threshold, embedded, strengths, alphas}));
  // The unregularised network; per candidate where spr takes its M from (the same network), the regularised one, the pruned one.
  ASSERT_THAT(kinds(requests), testing::ElementsAre("train", "train", "train", "prune", "train", "train", "prune", "train", "train",
                                                    "prune", "train", "train", "prune", "select", "solve"));
  EXPECT_THAT(requests[13].parents, testing::ElementsAre(0, 3, 6, 9, 12));
  EXPECT_THAT(requests[14].parents, testing::ElementsAre(13));
  EXPECT_EQ(requests[1].parameters, requests[0].parameters) << "one task";
  EXPECT_EQ(requests[6].parameters.real("train_regulariser_strength"), 0.1);
  EXPECT_EQ(requests[6].parameters.real("train_spr_alpha"), 0.9);
  EXPECT_FALSE(requests[6].parameters.contains("select_strengths")) << "a candidate is the same task in every selection";
}

TEST(Chain, ASurrogateThatIsSelectedStandsInForTheUnregularisedNetwork) {
  const auto requests = expand_chain(instance({spr, threshold, strengths}));
  EXPECT_EQ(requests[0].parameters.text("train_regulariser"), "none");
  EXPECT_EQ(requests[requests.back().parents[1]].kind, "select");
  EXPECT_EQ(requests.back().parents[0], 0);
}

TEST(Chain, ThereIsNoSelectionWhereNothingIsPruned) {
  EXPECT_EQ(expand_chain(instance({strengths, alphas})).back().parameters, expand_chain(instance({})).back().parameters);
}

TEST(Chain, AlphasAreThoseOfSpr) {
  const auto with = [](const char* regulariser) {
    return expand_chain(instance({threshold, strengths, alphas, {"train.regulariser", std::string(regulariser)}})).back();
  };
  EXPECT_THAT(names(with("spr"), "select_"), testing::ElementsAre("alphas", "margin", "strengths"));
  EXPECT_THAT(names(with("l1"), "select_"), testing::ElementsAre("margin", "strengths"));
  EXPECT_THAT(names(with("none"), "select_"), testing::ElementsAre());
}

TEST(Chain, TheTestSetHasFewerImages) {
  const auto expand = [](const char* split, std::int64_t index) {
    return expand_chain(instance({{"problem.split", std::string(split)}, {"problem.sample_index", index}}));
  };
  EXPECT_NO_THROW(expand("train", 10000));
  EXPECT_NO_THROW(expand("test", 9999));
  EXPECT_THAT([&] { expand("test", 10000); }, testing::ThrowsMessage<base::Error>(testing::HasSubstr(
                                                  "problem.sample_index: expected 0 to 9999 (problem.split: test), found 10000")));
}

TEST(Chain, ThresholdHasNoRateAndRefusesRewinding) {
  const auto solve = [](double rate) { return expand_chain(instance({threshold, {"prune.rate", rate}})).back().parameters; };
  EXPECT_EQ(solve(0.5), solve(0.9));
  EXPECT_THAT(
      [] {
        expand_chain(instance({threshold, rewinding}));
      },
      testing::ThrowsMessage<base::Error>(testing::HasSubstr("expected none or cumulative, found rewinding")));
}

TEST(Chain, AGivenNetworkIsImportedAndKnownByItsContent) {
  const Parameters::Map::value_type file{"network.file", std::string("a.h5")}, hash{"network.file_hash", std::string(32, '1')};
  const auto requests = expand_chain(instance({file, hash, magnitude, rewinding}));
  EXPECT_THAT(kinds(requests), testing::ElementsAre("import", "first_round", "prune", "solve"));
  EXPECT_EQ(requests[0].parameters, (Parameters{{"dataset_hash", data::content_hash("mnist")},
                                                {"dataset_name", std::string("mnist")},
                                                {"dataset_side", std::int64_t{28}},
                                                {"network_file", std::string("a.h5")},
                                                {"network_file_hash", std::string(32, '1')}}));
  for (const char* absent : {"network_hidden", "network_width", "train_epochs", "train_optimizer", "train_regulariser"})
    EXPECT_FALSE(requests.back().parameters.contains(absent)) << absent;
  EXPECT_TRUE(requests[2].parameters.contains("train_seed")) << "of finetuning";
  for (const StageRequest& request : expand_chain(instance({magnitude})))
    EXPECT_FALSE(request.parameters.contains("network_file")) << request.kind;
}

}  // namespace
}  // namespace espalier::stages
