// Sizes and cases that belong to one formulation.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>

#include "espalier/embed/embed.hpp"
#include "problem/reference.hpp"

namespace espalier::embed {
namespace {

using espalier::testing::random_network;
using problem::Problem;

std::unique_ptr<Embedding> embedding_of(const std::string& formulation, const Problem& problem) {
  const problem::Region region = problem.region();
  const bounds::Bounds bounds = bounds::make_interval()->compute(problem.network, region);
  return make_formulation(formulation)
      ->build({.network = problem.network, .region = region, .objective = problem.objective(), .bounds = bounds});
}

bool has_column(const Embedding& embedding, const std::string& name) {
  for (const milp::ColumnData& column : embedding.model().columns()) {
    if (column.name == name) return true;
  }
  return false;
}

/// One hidden layer with a neuron of each case around x0 = (0.5, 0, 1, 0.5), epsilon 0.25. No weight reads pixel 3.
Problem one_of_each() {
  Problem problem;
  problem.name = "cases";
  nn::Layer hidden{.weight = nn::WeightMatrix::Zero(4, 4), .bias = Eigen::Vector4f(-1, -2, 2, 0.75F), .mask = {}};
  hidden.weight.row(0) << 1, -1, 0.5F, 0;  // [-0.25, 0.25]: unstable
  hidden.weight.row(1) << 1, 0, 0, 0;      // [-1.75, -1.25]: stably inactive
  hidden.weight.row(2) << 1, 0, 0, 0;      // [2.25, 2.75]: stably active; neuron 3 is constant, 0.75
  problem.network.layers.push_back(hidden);
  problem.network.layers.push_back(
      {.weight = (nn::WeightMatrix(2, 4) << 1, 1, 1, 1, 0, 0, 0, 0).finished(), .bias = Eigen::Vector2f(0, 0.5F), .mask = {}});
  problem.input = Eigen::Vector4d(0.5, 0, 1, 0.5);
  problem.epsilon = 0.25;
  problem.label = 0;
  problem.target = 1;
  return problem;
}

/// Method, section 5.2: 28^2, 2x32: 1770 columns, 64 binaries, 1835 rows.
TEST(Paper, HasTheSizesOfThePaper) {
  struct Case {
    int pixels, layers, width;
  };
  for (const Case c : {Case{784, 2, 32}, Case{324, 2, 32}, Case{324, 4, 64}}) {
    std::vector<int> widths(static_cast<std::size_t>(c.layers), c.width);
    widths.insert(widths.begin(), c.pixels);
    widths.push_back(10);
    Problem problem = espalier::testing::random_problem(widths, 1, 5.0);
    const ModelSize size = embedding_of("big-m-literal", problem)->size();
    EXPECT_EQ(size.columns, 2 * c.pixels + 3 * c.layers * c.width + 10);
    EXPECT_EQ(size.rows, 2 * c.pixels + 1 + 4 * c.layers * c.width + 10);
    EXPECT_EQ(size.binaries, c.layers * c.width);
  }
  const Problem problem = espalier::testing::random_problem({784, 32, 32, 10}, 1, 5.0);
  const ModelSize size = embedding_of("big-m-literal", problem)->size();
  EXPECT_EQ(size.columns, 1770);
  EXPECT_EQ(size.rows, 1835);
  EXPECT_EQ(size.binaries, 64);
}

TEST(Split, HasOneDenseRowPerNeuron) {
  const Problem problem = espalier::testing::random_problem({324, 32, 32, 10}, 1, 5.0);
  const ModelSize size = embedding_of("big-m-split", problem)->size();
  EXPECT_EQ(size.columns, 2 * 324 + 3 * 64 + 10);
  EXPECT_EQ(size.rows, 2 * 324 + 1 + 3 * 64 + 10);
  EXPECT_EQ(size.binaries, 64);
}

TEST(Lean, EachReluCaseHasItsOwnColumns) {
  const auto embedding = embedding_of("big-m", one_of_each());
  std::set<std::string> names;
  for (const milp::ColumnData& column : embedding->model().columns()) names.insert(column.name);
  // Pixel 1 is at 0 and cannot fall, pixel 2 is at 1 and cannot rise, pixel 3 is read by nobody.
  EXPECT_EQ(names, (std::set<std::string>{"p_0", "n_0", "p_1", "n_2", "h_0_0", "s_0_0", "z_0_0", "h_0_2"}));
  EXPECT_EQ(embedding->size().binaries, 1);
  EXPECT_EQ(embedding->size().rows, 1 + 3 + 1);  // budget; split, off, on; the stably active equality
  // The constant neuron is in the objective's constant: (0.5 - 0) - 0.75.
  EXPECT_DOUBLE_EQ(embedding->model().objective_constant(), -0.25);
}

TEST(Lean, HasABinaryForEveryUnstableNeuronThatMattersAndNoOther) {
  for (const Problem& problem : espalier::testing::reference_problems()) {
    const bounds::Bounds bounds = bounds::make_interval()->compute(problem.network, problem.region());
    const bounds::ReluCounts counts = count_relu_cases(bounds);
    const ModelSize lean = embedding_of("big-m", problem)->size(), paper = embedding_of("big-m-literal", problem)->size();
    EXPECT_EQ(lean.binaries, counts.unstable) << problem.name;  // dense networks: every neuron reaches the objective
    EXPECT_LT(lean.columns, paper.columns) << problem.name;
    EXPECT_LT(lean.rows, paper.rows - 2 * problem.input.size()) << problem.name;
  }
}

TEST(Lean, NeuronsWithoutAPathToTheObjectiveAreDropped) {
  Problem problem = espalier::testing::random_problem({10, 6, 6, 3}, 5, 2.0);
  ASSERT_TRUE(has_column(*embedding_of("big-m", problem), "h_1_2"));
  // Equal weights to both logits cancel in the margin; then neuron 4 of the first layer is read by neuron 2 alone.
  nn::Layer& output = problem.network.layers[2];
  output.weight(problem.label, 2) = output.weight(*problem.target, 2);
  for (Eigen::Index i = 0; i < 6; ++i) {
    if (i != 2) problem.network.layers[1].weight(i, 4) = 0;
  }
  const auto embedding = embedding_of("big-m", problem);
  EXPECT_FALSE(has_column(*embedding, "h_1_2"));
  EXPECT_FALSE(has_column(*embedding, "h_0_4"));
  const Eigen::VectorXd logits = nn::forward(problem.network, problem.input);
  EXPECT_NEAR(embedding->model().objective_value(embedding->complete(problem.input)), problem.objective()(logits), 1e-12);
}

TEST(Lean, ANetworkPrunedToNothingIsAConstant) {
  Problem problem = espalier::testing::random_problem({10, 6, 3}, 5, 2.0);
  for (nn::Layer& layer : problem.network.layers) layer.weight.setZero();
  const auto embedding = embedding_of("big-m", problem);
  EXPECT_EQ(embedding->size().columns, 0);
  EXPECT_EQ(embedding->size().rows, 0);
  EXPECT_EQ(embedding->read_input({}), problem.input);
  const auto& bias = problem.network.layers[1].bias;
  EXPECT_DOUBLE_EQ(embedding->model().objective_constant(),
                   static_cast<double>(bias[*problem.target]) - static_cast<double>(bias[problem.label]));
}

}  // namespace
}  // namespace espalier::embed
