// Exact compression from end to end: prune.proof over all images, solve.compress over the region.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "espalier/base/random.hpp"
#include "reduce/rounding.hpp"
#include "stages/instance_run.hpp"

namespace espalier::stages {
namespace {

using espalier::testing::InstanceRun;
using task::Parameters;
using Changes = std::vector<Parameters::Map::value_type>;

/// A network in which training makes neurons that are off, and neurons that are stably active, for every image.
Changes sparse(const Changes& more) {
  Changes changes{
      {"network.hidden", task::IntegerList{24, 16}}, {"train.optimizer", std::string("sgd")}, {"train.learning_rate", 0.1},
      {"train.regulariser", std::string("l1")},      {"train.regulariser_strength", 0.01},    {"problem.network", std::string("embedded")},
      {"solve.node_limit", std::int64_t{-1}},        {"solve.bounds", std::string("crown")}};
  for (const auto& change : more) changes.push_back(change);
  return changes;
}

const Parameters::Map::value_type exact{"prune.criterion", std::string("exact")};
const Parameters::Map::value_type crown{"prune.proof", std::string("crown")};

const std::vector<double>& array(const task::StageResult& result, const std::string& name) {
  const auto found = std::find_if(result.arrays.begin(), result.arrays.end(), [&](const task::Array& a) { return a.name == name; });
  if (found == result.arrays.end()) throw std::out_of_range(name);
  return found->values;
}

std::int64_t removed(const Parameters& values) {
  return values.integer("removed_off") + values.integer("removed_linear") + values.integer("removed_other");
}

std::int64_t hidden_neurons(const nn::Network& network) {
  std::int64_t sum = 0;
  for (std::size_t k = 0; k < network.hidden_layers(); ++k) sum += network.layers[k].outputs();
  return sum;
}

/// Real images, random ones and corners of [0, 1]^n: no logit differs by more than the row says, up to the rounding of forward passes.
/// Returns the largest difference.
double expect_equal_on_images(const nn::Network& whole, const nn::Network& small, double deviation) {
  const data::Dataset data = data::load_dataset("mnist", 8, {.defaults = {ESPALIER_SOURCE_DIR "/data"}});
  base::RandomStream random(3, "images");
  double largest = 0;
  const auto compare = [&](const Eigen::VectorXd& x) {
    const Eigen::VectorXd difference = (nn::forward(whole, x) - nn::forward(small, x)).cwiseAbs();
    const Eigen::VectorXd rounding = espalier::testing::forward_rounding(whole, x) + espalier::testing::forward_rounding(small, x);
    EXPECT_TRUE((difference.array() <= rounding.array() + deviation).all()) << difference.transpose();
    largest = std::max(largest, difference.maxCoeff());
  };
  for (std::size_t i = 0; i < 500; ++i) compare(data.test.input(i));
  for (int i = 0; i < 500; ++i) {
    Eigen::VectorXd x(whole.inputs());
    for (double& pixel : x) pixel = i % 2 ? random.uniform() : static_cast<double>(random.below(2));
    compare(x);
  }
  return largest;
}

TEST(ExactCompression, OverAllImagesTheNetworkStaysTheSame) {
  const InstanceRun run(sparse({exact, crown}));
  const Parameters& values = run.result("prune").values;
  EXPECT_GT(values.integer("removed_off"), 0);
  EXPECT_GT(values.integer("removed_linear"), 0);
  EXPECT_GT(values.real("removal_slack"), 0);
  const nn::Network whole = run.network("train").network, small = run.network("prune").network;
  EXPECT_EQ(removed(values), hidden_neurons(whole) - hidden_neurons(small)) << nn::architecture(small);
  EXPECT_EQ(values.text("architecture"), nn::architecture(small));
  EXPECT_EQ(values.real("test_accuracy"), run.result("train").values.real("test_accuracy"));
  EXPECT_GT(values.real("removal_deviation"), 0);
  EXPECT_LT(values.real("removal_deviation"), 1e-4);
  EXPECT_GT(expect_equal_on_images(whole, small, values.real("removal_deviation")), 0) << "another network";
}

TEST(ExactCompression, TheProofIsInTheRow) {
  const InstanceRun run(sparse({exact, crown}));
  const task::StageResult& pruned = run.result("prune");
  const std::vector<double>&lower = array(pruned, "proof_lower"), &upper = array(pruned, "proof_upper");
  ASSERT_EQ(lower.size(), 24u + 16u + 10u);
  ASSERT_EQ(upper.size(), lower.size());
  const nn::Network whole = run.network("train").network;
  base::RandomStream random(5, "images");
  for (int i = 0; i < 200; ++i) {
    Eigen::VectorXd x(whole.inputs());
    for (double& pixel : x) pixel = static_cast<double>(random.below(2));
    std::size_t neuron = 0;
    for (const Eigen::VectorXd& layer : nn::pre_activations(whole, x))
      for (const double g : layer) {
        EXPECT_TRUE(lower[neuron] <= g && g <= upper[neuron]) << neuron;
        ++neuron;
      }
  }
  const auto off = std::count_if(upper.begin(), upper.begin() + 40, [](double u) { return u <= 0; });
  EXPECT_EQ(off, pruned.values.integer("removed_off"));
}

TEST(ExactCompression, FollowsOtherPruning) {
  const Changes magnitude{{"prune.criterion", std::string("magnitude")}, {"prune.rate", 0.5}, {"prune.compact", true}};
  Changes with_proof = magnitude;
  with_proof.push_back(crown);
  const InstanceRun plain(sparse(magnitude)), proven(sparse(with_proof));
  EXPECT_FALSE(plain.result("prune").values.contains("removed_off"));
  EXPECT_FALSE(plain.result("prune").values.contains("removal_slack"));
  const nn::Network pruned = plain.network("prune").network, small = proven.network("prune").network;
  const Parameters& values = proven.result("prune").values;
  EXPECT_GT(removed(values), 0) << values.text("architecture");
  EXPECT_EQ(hidden_neurons(pruned) - hidden_neurons(small), removed(values));
  expect_equal_on_images(pruned, small, values.real("removal_deviation"));
}

TEST(ExactCompression, OverTheBallTheAnswerStaysTheSame) {
  const InstanceRun whole(sparse({{"train.regulariser_strength", 0.003}}));
  const InstanceRun small(sparse({{"train.regulariser_strength", 0.003}, {"solve.compress", true}}));
  const Parameters &a = whole.result("solve").values, &b = small.result("solve").values;
  EXPECT_EQ(a.text("solve_status"), b.text("solve_status"));
  EXPECT_NEAR(a.real("verified_objective"), b.real("verified_objective"), 1e-5 * (1 + std::abs(a.real("verified_objective"))));
  EXPECT_FALSE(a.contains("removed_off"));
  EXPECT_GT(removed(b), 0);
  EXPECT_EQ(array(small.result("solve"), "proof_lower").size(), 24u + 16u + 10u);
  EXPECT_EQ(a.integer("unstable_neurons"), b.integer("unstable_neurons"));
}

TEST(ExactCompression, AProofCanBeStopped) {
  const InstanceRun run({exact, {"prune.proof", std::string("obbt-mip")}, {"problem.network", std::string("embedded")}});
  int looks = 0;
  run.run_again("prune", [&] { return ++looks < 0; });
  const int all = looks;
  EXPECT_GT(all, 10);
  for (const int last : {0, 1, all / 2, all - 1}) {
    looks = 0;
    EXPECT_THROW(run.run_again("prune", [&] { return ++looks > last; }), task::StageStopped) << last;
    EXPECT_LE(looks, last + 12) << "it goes on";
  }
}

}  // namespace
}  // namespace espalier::stages
