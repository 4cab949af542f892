// Expected times that are learned while a run goes on.
#include <gmock/gmock.h>

#include "dispatch/commands.hpp"

namespace espalier::dispatch::test {
namespace {

using testing::ElementsAre;

/// Sixteen small tasks, planned for 2 s each, and two others: the plan says that the first takes longer, and is wrong.
task::TaskGraph misjudged() {
  task::TaskGraph graph;
  for (std::uint32_t i = 0; i < 16; ++i) graph.tasks.push_back(planned(i, "train", 9));
  for (std::uint32_t i = 16; i < 18; ++i) graph.tasks.push_back(planned(i, "prune", 8));
  for (std::uint32_t i = 18; i < 36; ++i) graph.tasks.push_back(planned(i, "train", 7));
  return graph;
}

/// Runs everything with one worker, trainings taking a hundredth of what was planned; the order in which tasks were given out.
std::vector<std::uint32_t> order(const task::TaskGraph& graph, MasterOptions options) {
  Master master(graph, {}, std::move(options));
  master.start(0);
  std::vector<std::uint32_t> given;
  double now = 0;
  std::uint64_t records = 0;
  Commands next = master.add_worker(Rank{1}, now);
  while (!assigned(next).empty()) {
    const std::uint32_t task = assigned(next).front();
    given.push_back(task);
    const double seconds = graph.tasks[task].spec.kind == "train" ? graph.tasks[task].expected_seconds / 100 : 8;
    now += seconds;
    next = master.outcome(Rank{1}, done(task, attempt_of(next, task), seconds), now);
    master.durable(++records, now);
  }
  EXPECT_TRUE(master.settled());
  return given;
}

TEST(MasterCosts, TheOrderFollowsWhatWasMeasured) {
  task::TaskGraph graph = misjudged();
  for (std::uint32_t i = 18; i < 36; ++i) graph.tasks[i].expected_seconds = 8.5;  // before prune, as planned
  const auto as_planned = order(graph, {.prefetch = 1, .reorder_after = 0});
  EXPECT_EQ(std::find(as_planned.begin(), as_planned.end(), 16U) - as_planned.begin(), 34) << "last";
  // Trainings are fast. That makes all else fast, too, as long as nothing else is known; of two kinds measured each has its own ratio.
  task::CostModel history;
  history.add(history.group("prune", 8), 8);
  const auto learned = order(graph, {.prefetch = 1, .costs = history, .reorder_after = 4});
  EXPECT_EQ(std::find(learned.begin(), learned.end(), 16U) - learned.begin(), 3) << "with the third training there are four times";
  const auto late = order(graph, {.prefetch = 1, .costs = history, .reorder_after = 16});
  EXPECT_EQ(std::find(late.begin(), late.end(), 16U) - late.begin(), 15);
}

TEST(MasterCosts, AnEarlierRunsTimesHoldFromTheStart) {
  const task::TaskGraph graph{{planned(0, "train", 9), planned(1, "prune", 8)}};
  task::CostModel history;
  history.add(history.group("train", 9), 0.1);
  history.add(history.group("prune", 8), 8);
  EXPECT_THAT(order(graph, {.prefetch = 1, .costs = history}), ElementsAre(1, 0));
  EXPECT_THAT(order(graph, {.prefetch = 1}), ElementsAre(0, 1));
}

TEST(MasterCosts, TheTimeLeftCountsTheTail) {
  const task::TaskGraph graph{{planned(0, "train", 10), planned(1, "solve", 30, {0}), planned(2, "solve", 4), planned(3, "solve", 4)}};
  Master master(graph, {}, {.prefetch = 1});
  master.start(0);
  const Commands first = master.add_worker(Rank{1}, 0);
  EXPECT_THAT(assigned(first), ElementsAre(0));
  EXPECT_DOUBLE_EQ(master.remaining_seconds(0), 48) << "one worker does all";
  master.add_worker(Rank{2}, 0);
  master.add_worker(Rank{3}, 0);
  EXPECT_DOUBLE_EQ(master.remaining_seconds(0), 40) << "16 s each, but the chain takes 40";
  EXPECT_DOUBLE_EQ(master.remaining_seconds(4), 36) << "what runs has had a part";
  const Commands then = master.outcome(Rank{1}, done(0, attempt_of(first, 0), 10), 10);
  master.durable(1, 10);
  EXPECT_DOUBLE_EQ(master.remaining_seconds(20), 20) << "the last solve has 20 of its 30 s left; the others are 16 s late";
  EXPECT_DOUBLE_EQ(master.remaining_seconds(100), 96) << "and those may go on for as long";
}

TEST(MasterCosts, ATaskThatComesBackIsLeftAgain) {
  const task::TaskGraph graph{{planned(0, "solve", 30), planned(1, "solve", 4)}};
  Master master(graph, {}, {.prefetch = 1});
  master.start(0);
  master.add_worker(Rank{1}, 0);
  master.add_worker(Rank{2}, 0);
  EXPECT_DOUBLE_EQ(master.remaining_seconds(10), 20);
  master.lose_worker(Rank{1}, "gone", 10);
  EXPECT_DOUBLE_EQ(master.remaining_seconds(10), 36) << "one worker for it and for the other one, which is 6 s late";
}

}  // namespace
}  // namespace espalier::dispatch::test
