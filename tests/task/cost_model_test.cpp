#include "espalier/task/cost_model.hpp"

#include <gtest/gtest.h>

namespace espalier::task {
namespace {

TEST(CostModel, BeforeAnythingIsMeasuredThePlanHolds) {
  CostModel costs;
  EXPECT_EQ(costs.estimate("solve", 40), 40);
  const auto group = costs.group("solve", 40);
  EXPECT_EQ(costs.estimate(group), 40);
  EXPECT_EQ(costs.measured(), 0U);
}

TEST(CostModel, AGroupsOwnTimesOutweighItsKindsWhichOutweighAll) {
  CostModel costs;
  const auto small = costs.group("solve", 10), large = costs.group("solve", 100), train = costs.group("train", 5);
  costs.add(small, 1);  // ten times as fast as planned
  EXPECT_DOUBLE_EQ(costs.estimate(large), 10) << "of its kind";
  EXPECT_DOUBLE_EQ(costs.estimate(train), 0.5) << "no training was measured: as all";
  EXPECT_DOUBLE_EQ(costs.estimate("prune", 20), 2);
  EXPECT_DOUBLE_EQ(costs.estimate("solve", 30), 3) << "a size that was not seen";
  costs.add(large, 300);
  costs.add(large, 300);
  const double ratio = 601.0 / 210;
  EXPECT_DOUBLE_EQ(costs.estimate(large), (600 + ratio * 100) / 3);
  EXPECT_DOUBLE_EQ(costs.estimate(small), (1 + ratio * 10) / 2);
  for (int i = 0; i < 1000; ++i) costs.add(small, 1);
  EXPECT_NEAR(costs.estimate(small), 1, 0.01);
  costs.add(train, 5);
  EXPECT_DOUBLE_EQ(costs.estimate(train), 5);
  EXPECT_EQ(costs.group("solve", 10), small);
  EXPECT_EQ(costs.groups(), 3U);
}

TEST(CostModel, NoTaskIsExpectedToTakeMoreThanItsLimit) {
  PlannedTask planned;
  planned.spec.kind = "solve";
  planned.expected_seconds = 30;
  CostModel costs;
  EXPECT_EQ(costs.estimate(planned), 30);
  planned.most_seconds = 20;
  EXPECT_EQ(costs.estimate(planned), 20);
}

TEST(CostModel, TimesOfZeroAreNoRatio) {
  CostModel costs;
  costs.add(costs.group("null", 1), 0);
  EXPECT_EQ(costs.estimate("solve", 3), 3);
  EXPECT_EQ(costs.estimate("null", 1), 0.5);
}

TEST(CriticalPaths, AreOwnSecondsAndTheLongestChainOfDescendants) {
  TaskGraph graph;
  graph.tasks.resize(4);
  const auto parents = [&](std::size_t child, std::vector<base::TaskId> ids) { graph.tasks[child].parents = std::move(ids); };
  parents(1, {base::TaskId{0}});
  parents(2, {base::TaskId{0}, base::TaskId{1}});
  const double seconds[] = {1, 10, 5, 7};
  const auto all = critical_paths(graph, [&](base::TaskId id) { return seconds[id.value]; });
  EXPECT_EQ(all, (std::vector<double>{16, 15, 5, 7}));
  const auto open = critical_paths(graph, [&](base::TaskId id) { return id.value == 1 ? 0 : seconds[id.value]; });
  EXPECT_EQ(open, (std::vector<double>{6, 5, 5, 7}));
}

TEST(Makespan, IsTheWorkSharedOrTheLongestChain) {
  EXPECT_EQ(makespan(100, 20, 4), 25);
  EXPECT_EQ(makespan(100, 60, 4), 60) << "the tail";
  EXPECT_EQ(makespan(100, 60, 0), 100);
}

}  // namespace
}  // namespace espalier::task
