#include "espalier/plan/shard.hpp"

#include <gmock/gmock.h>

#include <map>
#include <set>

#include "plan/surrogate_pipeline.hpp"

namespace espalier::plan {
namespace {

using task::TaskGraph;

constexpr const char* grid_text = R"(
name: shards
grid:
  - parameters: {dataset.name: mnist}
    product: {problem.sample_index: [1, 2, 3, 4, 5], train.seed: [1, 2, 3]}
    cases:
      - {}
      - parameters: {prune.criterion: magnitude}
        product: {prune.rate: [0.3, 0.5]}
)";

Plan whole_plan() {
  const test::SurrogatePipeline pipeline;
  return make_plan(config::parse_experiment(grid_text, "file.yaml", pipeline.schema()), pipeline, test::version_one);
}

std::multiset<std::string> keys_of_kind(const TaskGraph& graph, const std::string& kind) {
  std::multiset<std::string> keys;
  for (const task::PlannedTask& planned : graph.tasks)
    if (planned.spec.kind == kind) keys.insert(planned.spec.key.hex());
  return keys;
}

/// Parents stand in front, under the right numbers.
void expect_sound(const TaskGraph& graph) {
  for (std::size_t i = 0; i < graph.tasks.size(); ++i) {
    const task::PlannedTask& planned = graph.tasks[i];
    ASSERT_EQ(planned.parents.size(), planned.spec.parents.size());
    for (std::size_t k = 0; k < planned.parents.size(); ++k) {
      ASSERT_LT(planned.parents[k].value, i);
      EXPECT_EQ(graph.tasks[planned.parents[k].value].spec.key, planned.spec.parents[k]);
    }
  }
}

TEST(ShardGraph, EveryResultIsInOneShardWithAllItsParents) {
  const Plan plan = whole_plan();
  ASSERT_EQ(plan.results.size(), 45U);
  for (const int count : {1, 2, 3, 4, 7, 45, 100}) {
    SCOPED_TRACE(count);
    std::multiset<std::string> solves;
    for (int index = 1; index <= count; ++index) {
      const TaskGraph graph = shard_graph(plan, {index, count});
      expect_sound(graph);
      solves.merge(keys_of_kind(graph, "solve"));
    }
    EXPECT_EQ(solves, keys_of_kind(plan.graph, "solve"));
  }
}

TEST(ShardGraph, SharesAreEqualAndFewNetworksAreTrainedTwice) {
  const Plan plan = whole_plan();
  for (const int count : {2, 3, 4, 7}) {
    SCOPED_TRACE(count);
    std::size_t trained = 0;
    for (int index = 1; index <= count; ++index) {
      const TaskGraph graph = shard_graph(plan, {index, count});
      EXPECT_NEAR(static_cast<double>(keys_of_kind(graph, "solve").size()), 45.0 / count, 1);
      trained += keys_of_kind(graph, "train").size();
    }
    EXPECT_LE(trained, 3U + static_cast<std::size_t>(count) - 1);
  }
  EXPECT_EQ(keys_of_kind(shard_graph(plan, {2, 3}), "train").size(), 1U);
}

TEST(ShardGraph, CostsAreBalancedNotCounts) {
  Plan plan = whole_plan();
  plan.graph.tasks[plan.results.front().value].expected_seconds = 44 * 5;  // as much as all others together
  EXPECT_EQ(keys_of_kind(shard_graph(plan, {1, 2}), "solve").size(), 1U);
  EXPECT_EQ(keys_of_kind(shard_graph(plan, {2, 2}), "solve").size(), 44U);
}

TEST(Shard, IsReadStrictly) {
  EXPECT_EQ(task::shard_from_text("2/8"), (task::Shard{2, 8}));
  EXPECT_EQ(task::to_text(task::Shard{2, 8}), "2/8");
  for (const char* text : {"", "2", "0/8", "9/8", "-1/8", "2/8x", "a/b", "2/", "/8", "2/100001", "2 /8", "99999999999/99999999999"})
    EXPECT_THROW(task::shard_from_text(text), base::Error) << text;
}

}  // namespace
}  // namespace espalier::plan
