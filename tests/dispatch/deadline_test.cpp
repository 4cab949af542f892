// What is started when there is a deadline.
#include <gmock/gmock.h>

#include "dispatch/commands.hpp"

namespace espalier::dispatch::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(MasterDeadline, TheLongestThatFitsComesFirst) {
  const task::TaskGraph graph{{planned(0, "solve", 50), planned(1, "solve", 20), planned(2, "solve", 9), planned(3, "solve", 2)}};
  Master master(graph, {}, {.deadline = 10});
  master.start(0);
  const Commands first = master.add_worker(Rank{1}, 0);
  EXPECT_THAT(assigned(first), ElementsAre(2));
  const Commands second = master.outcome(Rank{1}, done(2, attempt_of(first, 2), 9), 9.5);
  EXPECT_THAT(assigned(second), IsEmpty()) << "2 s do not fit into 0.5 s";
  EXPECT_EQ(master.snapshot().kinds[0].ready, 3U);
  EXPECT_EQ(master.stop_reason(), StopReason::none) << "a record is not durable yet: it may make children ready";
  master.durable(1, 9.6);
  EXPECT_EQ(count<AskStop>(master.tick(9.6)), 0U);
  EXPECT_EQ(master.stop_reason(), StopReason::deadline);
  EXPECT_TRUE(master.finished());
  EXPECT_FALSE(master.settled());
}

TEST(MasterDeadline, WhatRunsMayEndAndItsChildrenMayFit) {
  const task::TaskGraph graph{{planned(0, "train", 5), planned(1, "prune", 1, {0}), planned(2, "solve", 100, {0})}};
  Master master(graph, {}, {.deadline = 10});
  master.start(0);
  master.add_worker(Rank{1}, 0);
  const Commands first = master.add_worker(Rank{2}, 0);
  EXPECT_THAT(assigned(first), IsEmpty());
  master.tick(2);
  EXPECT_EQ(master.stop_reason(), StopReason::none);
  master.outcome(Rank{1}, done(0, AttemptId{1}, 5), 5);
  EXPECT_THAT(assigned(master.durable(1, 5)), ElementsAre(1));
  master.tick(7);
  EXPECT_EQ(master.stop_reason(), StopReason::none);
  master.outcome(Rank{1}, done(1, AttemptId{2}, 1), 7);
  master.durable(2, 7);
  master.tick(8);
  EXPECT_EQ(master.stop_reason(), StopReason::deadline);
}

TEST(MasterDeadline, MeasuredRatesCorrectTheEstimatesAndALimitBoundsThem) {
  task::TaskGraph graph{{planned(0, "solve", 50), planned(1, "solve", 40), planned(2, "solve", 30), planned(3, "train", 1000)}};
  const std::vector<FinishedTask> finished{{key_of(0), task::OutcomeKind::done, "", {}, 5}};  // ten times as fast as planned
  graph.tasks[3].most_seconds = 6;
  Master master(graph, finished, {.deadline = 10});
  master.start(0);
  EXPECT_THAT(assigned(master.add_worker(Rank{1}, 0)), ElementsAre(3)) << "1000 s, but its limit is 6 s";
  EXPECT_THAT(assigned(master.add_worker(Rank{2}, 0)), ElementsAre(1)) << "4 s";
  EXPECT_THAT(assigned(master.add_worker(Rank{3}, 6.5)), ElementsAre(2));
}

TEST(MasterDeadline, WhatSeemedTooLongIsLookedAtAgain) {
  const task::TaskGraph graph{{planned(0, "solve", 40), planned(1, "solve", 10)}};
  Master master(graph, {}, {.deadline = 20});
  master.start(0);
  const Commands first = master.add_worker(Rank{1}, 0);
  EXPECT_THAT(assigned(first), ElementsAre(1));
  EXPECT_THAT(assigned(master.outcome(Rank{1}, done(1, attempt_of(first, 1), 1), 1)), IsEmpty());
  EXPECT_THAT(assigned(master.tick(2)), ElementsAre(0)) << "4 s by the rate that was measured";
}

TEST(MasterDeadline, WhenItComesWorkersAreAskedToStop) {
  const task::TaskGraph graph{{planned(0, "solve", 5), planned(1, "solve", 5)}};
  Master master(graph, {}, {.deadline = 10});
  master.start(0);
  master.add_worker(Rank{1}, 0);
  EXPECT_EQ(count<AskStop>(master.tick(9.9)), 0U);
  EXPECT_EQ(count<AskStop>(master.tick(10)), 1U);
  EXPECT_EQ(count<AskStop>(master.tick(10.1)), 0U) << "once is enough";
  EXPECT_EQ(master.stop_reason(), StopReason::deadline);
  EXPECT_FALSE(master.finished());
  master.returned(Rank{1}, AttemptId{1}, 10.2);
  EXPECT_TRUE(master.finished());
}

TEST(MasterDeadline, WhateverHappensNothingIsStartedThatCannotEndAndTheRunEnds) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    base::RandomStream random(seed, "deadline");
    const task::TaskGraph graph = random_graph(random, 1 + random.below(40));
    const double deadline = random.uniform(0, 60);
    Master master(graph, {}, {.deadline = deadline});
    struct Running {
      Rank rank;
      std::uint32_t task;
      AttemptId attempt;
      double until;
    };
    std::vector<Running> running;
    std::uint64_t records = 0;
    double now = 0;
    const auto apply = [&](const Commands& commands) {
      for (const Command& command : commands)
        if (const auto* assign = std::get_if<Assign>(&command)) {
          const double seconds = graph.tasks[assign->task.value].expected_seconds;
          EXPECT_LE(now + seconds, deadline + 1e-9) << "rates are as planned: it cannot end";
          running.push_back({assign->worker, assign->task.value, assign->attempt, now + seconds});
        } else if (std::holds_alternative<Record>(command)) {
          ++records;
        }
    };
    apply(master.start(now));
    for (int rank = 1; rank <= 2; ++rank) apply(master.add_worker(Rank{rank}, now));
    for (; !master.finished() && !testing::Test::HasFailure(); now += 0.1) {
      ASSERT_LT(now, deadline + 1) << "the run does not end";
      apply(master.tick(now));
      for (std::size_t i = 0; i < running.size();)
        if (running[i].until <= now) {
          const Running ended = running[i];
          running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
          apply(master.outcome(ended.rank, done(ended.task, ended.attempt, graph.tasks[ended.task].expected_seconds), now));
        } else if (master.stop_reason() == StopReason::deadline && now >= deadline) {
          apply(master.returned(running[i].rank, running[i].attempt, now));
          running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
        } else {
          ++i;
        }
      apply(master.durable(records, now));
    }
    EXPECT_TRUE(master.settled() || master.stop_reason() == StopReason::deadline);
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace espalier::dispatch::test
