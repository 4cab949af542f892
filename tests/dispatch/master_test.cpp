#include "espalier/dispatch/master.hpp"

#include <gmock/gmock.h>

#include "dispatch/commands.hpp"
#include "dispatch/simulation.hpp"
#include "espalier/base/clock.hpp"
#include "espalier/base/error.hpp"

namespace espalier::dispatch::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Master, LongestExpectedFirst) {
  const task::TaskGraph graph{{planned(0, "solve", 2), planned(1, "solve", 9), planned(2, "solve", 5)}};
  Master master(graph, {});
  master.start(0);
  EXPECT_THAT(assigned(master.add_worker(Rank{1}, 0)), ElementsAre(1));
  EXPECT_THAT(assigned(master.add_worker(Rank{2}, 0)), ElementsAre(2));
  EXPECT_THAT(assigned(master.add_worker(Rank{3}, 0)), ElementsAre(0));
}

TEST(Master, ALongChainGoesBeforeALongTask) {
  // 1 (3 s) leads to 2 (8 s): 11 s to go, more than the 10 s of task 0.
  const task::TaskGraph graph{{planned(0, "solve", 10), planned(1, "train", 3), planned(2, "solve", 8, {1})}};
  Master master(graph, {});
  master.start(0);
  EXPECT_THAT(assigned(master.add_worker(Rank{1}, 0)), ElementsAre(1));
}

TEST(Master, AChildWaitsUntilItsParentIsDurable) {
  const task::TaskGraph graph{{planned(0, "train", 1), planned(1, "solve", 1, {0})}};
  Master master(graph, {});
  master.start(0);
  const AttemptId attempt = attempt_of(master.add_worker(Rank{1}, 0), 0);
  const Commands after = master.outcome(Rank{1}, done(0, attempt), 1);
  EXPECT_EQ(count<Record>(after), 1U);
  EXPECT_THAT(assigned(after), IsEmpty());
  EXPECT_EQ(master.snapshot().kinds[0].done, 0U) << "not done before its record is synced";
  EXPECT_THAT(assigned(master.durable(1, 1)), ElementsAre(1));
  EXPECT_EQ(master.snapshot().kinds[0].done, 1U);
}

TEST(Master, SmallTasksAreSentInAdvanceAndShared) {
  task::TaskGraph graph;
  for (std::size_t i = 0; i < 12; ++i) graph.tasks.push_back(planned(i, "null", 1e-4));
  Master master(graph, {}, {.prefetch = 4});
  master.start(0);
  EXPECT_THAT(assigned(master.add_worker(Rank{1}, 0)), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(assigned(master.add_worker(Rank{2}, 0)), ElementsAre(4, 5, 6, 7));
  Master sharing(graph, {}, {.prefetch = 64});
  sharing.add_worker(Rank{1}, 0);
  sharing.add_worker(Rank{2}, 0);
  EXPECT_EQ(sharing.snapshot().kinds[0].running, 12U);
}

TEST(Master, TheLastSmallTasksAreSharedOut) {
  task::TaskGraph graph{{planned(0, "train", 1)}};
  for (std::size_t i = 1; i <= 6; ++i) graph.tasks.push_back(planned(i, "null", 1e-4, {0}));
  Master master(graph, {});
  master.start(0);
  const AttemptId train = attempt_of(master.add_worker(Rank{1}, 0), 0);
  master.add_worker(Rank{2}, 0);
  master.outcome(Rank{1}, done(0, train), 1);
  std::map<int, int> given;
  for (const Command& command : master.durable(1, 1)) ++given[std::get<Assign>(command).worker.value];
  EXPECT_THAT(given, ElementsAre(testing::Pair(1, 3), testing::Pair(2, 3)));
}

TEST(Master, NothingWaitsBehindALongTask) {
  task::TaskGraph graph{{planned(0, "solve", 100), planned(1, "null", 1e-4), planned(2, "null", 1e-4)}};
  Master master(graph, {});
  master.start(0);
  EXPECT_THAT(assigned(master.add_worker(Rank{1}, 0)), ElementsAre(0));
}

TEST(Master, LearnsWhichKindsAreSmall) {
  task::TaskGraph graph;
  for (std::size_t i = 0; i < 40; ++i) graph.tasks.push_back(planned(i, "null", 1));
  Master master(graph, {}, {.prefetch = 10});
  master.start(0);
  const Commands first = master.add_worker(Rank{1}, 0);
  EXPECT_THAT(assigned(first), ElementsAre(0));
  EXPECT_EQ(assigned(master.outcome(Rank{1}, done(0, attempt_of(first, 0), 1e-4), 1)).size(), 10U);
}

TEST(Master, TakesBackWhatWaitsBehindAnOverrunningTask) {
  task::TaskGraph graph{{planned(0, "null", 1e-3), planned(1, "null", 1e-3), planned(2, "null", 1e-3)}};
  Master master(graph, {}, {.prefetch = 3, .take_back_seconds = 0.5});
  master.start(0);
  const Commands first = master.add_worker(Rank{1}, 0);
  EXPECT_THAT(assigned(first), ElementsAre(0, 1, 2));
  EXPECT_THAT(master.tick(0.4), IsEmpty());
  EXPECT_EQ(count<Cancel>(master.tick(0.6)), 2U);
  const Commands second = master.add_worker(Rank{2}, 0.7);
  EXPECT_THAT(assigned(second), testing::UnorderedElementsAre(1, 2));
  // The old worker had begun task 1 after all: its outcome is of a superseded attempt.
  EXPECT_EQ(count<Record>(master.outcome(Rank{1}, done(1, attempt_of(first, 1)), 0.8)), 0U);
  EXPECT_EQ(master.snapshot().dropped_outcomes, 1U);
  EXPECT_EQ(count<Record>(master.outcome(Rank{2}, done(1, attempt_of(second, 1)), 0.9)), 1U);
}

TEST(Master, DescendantsOfAFailedTaskFail) {
  const task::TaskGraph graph{{planned(0, "train", 1), planned(1, "prune", 1, {0}), planned(2, "solve", 1, {1}), planned(3, "solve", 1)}};
  Master master(graph, {});
  master.start(0);
  const Commands commands = master.outcome(Rank{1}, failed(0, attempt_of(master.add_worker(Rank{1}, 0), 0)), 1);
  std::vector<std::string> messages;
  for (const Command& command : commands)
    if (const auto* record = std::get_if<Record>(&command)) messages.push_back(record->outcome.error_kind + ": " + record->outcome.message);
  const std::string reason = "parent: parent train " + key_of(0).hex() + " failed: diverged";
  EXPECT_THAT(messages, ElementsAre("numeric: diverged", reason, reason));
  EXPECT_THAT(assigned(commands), ElementsAre(3));
}

TEST(Master, FailFastStopsAndAsksTheOthersToStop) {
  const task::TaskGraph graph{{planned(0, "solve", 3), planned(1, "solve", 2), planned(2, "solve", 1)}};
  Master master(graph, {}, {.fail_fast = true});
  master.start(0);
  const AttemptId attempt = attempt_of(master.add_worker(Rank{1}, 0), 0);
  const AttemptId other = attempt_of(master.add_worker(Rank{2}, 0), 1);
  const Commands commands = master.outcome(Rank{1}, failed(0, attempt), 1);
  EXPECT_EQ(count<AskStop>(commands), 2U);
  EXPECT_THAT(assigned(commands), IsEmpty());
  EXPECT_EQ(master.stop_reason(), StopReason::failures);
  EXPECT_FALSE(master.finished());
  master.returned(Rank{2}, other, 1);
  master.durable(1, 1);
  EXPECT_TRUE(master.finished());
  EXPECT_FALSE(master.settled());
}

TEST(Master, MaxFailuresLetsRunningTasksEnd) {
  task::TaskGraph graph;
  for (std::size_t i = 0; i < 6; ++i) graph.tasks.push_back(planned(i, "solve", 1));
  Master master(graph, {}, {.max_failures = 2});
  master.start(0);
  const AttemptId first = attempt_of(master.add_worker(Rank{1}, 0), 0);
  const AttemptId second = attempt_of(master.add_worker(Rank{2}, 0), 1);
  const Commands one = master.outcome(Rank{1}, failed(0, first), 1);
  EXPECT_EQ(master.stop_reason(), StopReason::none);
  const AttemptId third = attempt_of(one, 2);
  const Commands two = master.outcome(Rank{1}, failed(2, third), 2);
  EXPECT_THAT(assigned(two), IsEmpty());
  EXPECT_EQ(count<AskStop>(two), 0U);
  EXPECT_EQ(count<Record>(master.outcome(Rank{2}, done(1, second), 3)), 1U);
  master.durable(3, 3);
  EXPECT_TRUE(master.finished());
}

TEST(Master, ATaskThatKillsItsWorkersIsFailedAfterMaxAttempts) {
  const task::TaskGraph graph{{planned(0, "solve", 1), planned(1, "report", 1, {0})}};
  Master master(graph, {}, {.max_attempts = 2});
  master.start(0);
  master.add_worker(Rank{1}, 0);
  EXPECT_EQ(count<Record>(master.lose_worker(Rank{1}, "signal 9", 1)), 0U);
  master.add_worker(Rank{2}, 2);
  const Commands commands = master.lose_worker(Rank{2}, "signal 11", 3);
  ASSERT_EQ(count<Record>(commands), 2U);
  EXPECT_EQ(std::get<Record>(commands[0]).outcome.error_kind, "worker");
  EXPECT_EQ(std::get<Record>(commands[0]).outcome.message, "2 worker(s) were lost while running it, the last one was rank 2: signal 11");
  EXPECT_EQ(std::get<Record>(commands[1]).outcome.error_kind, "parent");
}

TEST(Master, TasksOfALostWorkerRunAloneAndOnlyTheKillerIsCharged) {
  task::TaskGraph graph;
  for (std::size_t i = 0; i < 3; ++i) graph.tasks.push_back(planned(i, "null", 1e-4));
  Master master(graph, {}, {.max_attempts = 1, .prefetch = 3});
  master.start(0);
  EXPECT_THAT(assigned(master.add_worker(Rank{1}, 0)), ElementsAre(0, 1, 2));
  EXPECT_EQ(count<Record>(master.lose_worker(Rank{1}, "killed", 1)), 0U) << "it is not known which of the three did it";
  EXPECT_THAT(assigned(master.add_worker(Rank{2}, 1)), ElementsAre(0));
  EXPECT_EQ(count<Record>(master.lose_worker(Rank{2}, "killed", 2)), 1U);
}

TEST(Master, ResumeSkipsWhatIsDurableAndUsesItsPartFile) {
  const task::TaskGraph graph{{planned(0, "train", 1), planned(1, "solve", 1, {0})}};
  const task::PartFile part{"parts/00/x.h5", {12, 34}};
  const std::vector<FinishedTask> finished{{key_of(0), task::OutcomeKind::done, "", part}, {key_of(77), task::OutcomeKind::done, "", {}}};
  Master master(graph, finished);
  master.start(0);
  const Commands commands = master.add_worker(Rank{1}, 0);
  EXPECT_THAT(assigned(commands), ElementsAre(1));
  EXPECT_THAT(master.attempt(TaskId{1}, AttemptId{1}).inputs, ElementsAre(part));
  EXPECT_EQ(master.snapshot().kinds[0].finished_before, 1U);
}

TEST(Master, ResumeAfterACrashBetweenAFailureAndItsDescendants) {
  const task::TaskGraph graph{{planned(0, "train", 1), planned(1, "solve", 1, {0}), planned(2, "solve", 1)}};
  const std::vector<FinishedTask> finished{{key_of(0), task::OutcomeKind::failed, "diverged", {}}};
  Master master(graph, finished);
  const Commands commands = master.start(0);
  ASSERT_EQ(count<Record>(commands), 1U);
  EXPECT_EQ(std::get<Record>(commands[0]).outcome.message, "parent train " + key_of(0).hex() + " failed: diverged");
  EXPECT_EQ(master.stop_reason(), StopReason::none) << "failures of earlier runs do not count against this one";
}

TEST(Master, NothingToDoIsFinishedAtOnce) {
  const task::TaskGraph empty;
  Master master(empty, {});
  EXPECT_THAT(master.start(0), IsEmpty());
  EXPECT_TRUE(master.finished());
  EXPECT_TRUE(master.settled());
}

std::string refusal(const task::TaskGraph& graph) {
  try {
    Master master(graph, {});
  } catch (const base::Error& e) {
    return e.what();
  }
  return "accepted";
}

TEST(Master, RefusesGraphsThatAreNone) {
  EXPECT_EQ(refusal({{planned(0, "solve", 1, {1}), planned(1, "train", 1)}}), "task 0 has the parent 1, which does not come before it");
  EXPECT_EQ(refusal({{planned(5, "solve", 1), planned(5, "solve", 1)}}), "two tasks have the key " + key_of(5).hex());
}

TEST(Master, RefusesAnOutcomeOfAnotherTask) {
  const task::TaskGraph graph{{planned(0, "solve", 1)}};
  Master master(graph, {});
  master.start(0);
  const AttemptId attempt = attempt_of(master.add_worker(Rank{1}, 0), 0);
  EXPECT_THROW(master.outcome(Rank{1}, done(3, attempt), 1), base::Error);
}

TEST(Master, AHundredThousandTasksTakeLittleTime) {
  task::TaskGraph graph;
  for (std::uint32_t i = 0; i < 100000; ++i)
    graph.tasks.push_back(planned(i, "null", 1e-4, i < 1000 ? std::vector<std::uint32_t>{} : std::vector<std::uint32_t>{i % 1000}));
  const base::Stopwatch watch;
  Master master(graph, {});
  std::deque<std::pair<AttemptId, std::uint32_t>> sent;
  std::uint64_t records = 0;
  const auto apply = [&](const Commands& commands) {
    for (const Command& command : commands)
      if (const auto* assign = std::get_if<Assign>(&command))
        sent.emplace_back(assign->attempt, assign->task.value);
      else if (std::holds_alternative<Record>(command))
        ++records;
  };
  apply(master.start(0));
  apply(master.add_worker(Rank{1}, 0));
  while (!master.finished()) {
    if (sent.empty()) {
      apply(master.durable(records, 0));
      continue;
    }
    const auto [attempt, task] = sent.front();
    sent.pop_front();
    apply(master.outcome(Rank{1}, done(task, attempt, 1e-4), 0));
  }
  EXPECT_EQ(records, 100000U);
  EXPECT_LT(watch.cpu_seconds(), 10) << "about 0.15 s without sanitizers";
}

}  // namespace
}  // namespace espalier::dispatch::test
