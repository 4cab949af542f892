// Is it the task that fails, or the worker?
#include <gmock/gmock.h>

#include "dispatch/commands.hpp"

namespace espalier::dispatch::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr Rank broken_rank{1}, good_rank{2};

task::TaskGraph tasks(std::size_t count) {
  task::TaskGraph graph;
  for (std::size_t i = 0; i < count; ++i) graph.tasks.push_back(planned(i, "solve", 100 - static_cast<double>(i)));
  return graph;
}

std::vector<std::uint32_t> recorded(const Commands& commands) {
  std::vector<std::uint32_t> result;
  for (const Command& command : commands)
    if (const auto* record = std::get_if<Record>(&command)) result.push_back(record->task.value);
  return result;
}

/// The good worker runs task 0, the other one fails `failures` tasks from 1 on; the last commands.
class Bench {
 public:
  explicit Bench(std::size_t count, MasterOptions options = {.suspect_after = 3}) : graph(tasks(count)), master(graph, {}, options) {
    master.start(0);
    held_good = attempt_of(master.add_worker(good_rank, 0), 0);
    last = master.add_worker(broken_rank, 0);
  }
  void fail(std::uint32_t first, std::uint32_t behind) {
    for (std::uint32_t task = first; task < behind; ++task) last = master.outcome(broken_rank, failed(task, attempt_of(last, task)), task);
  }
  task::TaskGraph graph;
  Master master;
  AttemptId held_good;
  Commands last;
};

TEST(Quarantine, AWorkerThatFailsWhatAnotherOneDoesIsSetAsideAndItsTasksAreTriedAgain) {
  Bench b(8);
  b.fail(1, 3);
  EXPECT_THAT(recorded(b.last), IsEmpty()) << "withheld";
  b.fail(3, 4);
  EXPECT_THAT(assigned(b.last), IsEmpty()) << "it waits";
  EXPECT_FALSE(b.master.takes_work(broken_rank));
  const Commands probe = b.master.outcome(good_rank, done(0, b.held_good), 5);
  EXPECT_THAT(assigned(probe), ElementsAre(3)) << "the test goes before all others";
  const Commands result = b.master.outcome(good_rank, done(3, attempt_of(probe, 3)), 6);
  EXPECT_EQ(count<Quarantine>(result), 1U);
  EXPECT_THAT(recorded(result), ElementsAre(3));
  EXPECT_THAT(assigned(result), ElementsAre(1)) << "what it failed is tried again";
  EXPECT_EQ(b.master.snapshot().quarantined_workers, 1U);
  EXPECT_EQ(b.master.active_workers(), 1U);
  EXPECT_FALSE(b.master.takes_work(broken_rank));
}

TEST(Quarantine, AnErrorOfTheDiskIsNoVerdictOnATaskAndEndsTheRun) {
  Bench b(8);
  b.fail(1, 2);  // withheld
  task::Outcome full = failed(2, attempt_of(b.last, 2));
  full.error_kind = "io";
  b.last = b.master.outcome(broken_rank, full, 3);
  EXPECT_EQ(b.master.stop_reason(), StopReason::environment);
  EXPECT_THAT(recorded(b.last), ElementsAre(1)) << "what had failed by itself";
  EXPECT_THAT(assigned(b.last), IsEmpty());
  EXPECT_EQ(count<AskStop>(b.last), 2U);
  EXPECT_FALSE(b.master.finished()) << "the other worker still holds a task";
  b.master.returned(good_rank, b.held_good, 4);
  b.master.durable(1, 5);
  EXPECT_TRUE(b.master.finished());
  EXPECT_EQ(b.master.snapshot().kinds.at(0).ready, 7U) << "all but the one that failed wait for the next run";
}

TEST(Quarantine, TasksThatFailElsewhereTooAreTheirOwnFault) {
  Bench b(30);
  b.fail(1, 4);
  const Commands probe = b.master.outcome(good_rank, done(0, b.held_good), 5);
  b.last = b.master.outcome(good_rank, failed(3, attempt_of(probe, 3)), 6);
  EXPECT_THAT(recorded(b.last), UnorderedElementsAre(1, 2, 3));
  EXPECT_EQ(count<Quarantine>(b.last), 0U);
  EXPECT_TRUE(b.master.takes_work(broken_rank));
  EXPECT_THAT(assigned(b.last), UnorderedElementsAre(4, 5));
  // The next test comes after twice as many.
  std::uint32_t task = 4;
  for (int failures = 1; failures <= 6; ++failures) {
    EXPECT_TRUE(b.master.takes_work(broken_rank)) << failures;
    b.last = b.master.outcome(broken_rank, failed(task, attempt_of(b.last, task)), task);
    if (failures < 6) task = assigned(b.last).at(0);
  }
  EXPECT_FALSE(b.master.takes_work(broken_rank));
}

TEST(Quarantine, ASuccessAcquits) {
  Bench b(8);
  b.fail(1, 3);
  EXPECT_THAT(recorded(b.master.outcome(broken_rank, done(3, attempt_of(b.last, 3)), 4)), ElementsAre(1, 2, 3));
}

TEST(Quarantine, ASuccessWithAnotherKindDoesNot) {
  task::TaskGraph graph;
  for (std::size_t i = 0; i < 9; ++i) graph.tasks.push_back(planned(i, i % 2 == 0 ? "prune" : "solve", 100 - static_cast<double>(i)));
  Master master(graph, {}, {.suspect_after = 3});
  master.start(0);
  Commands last = master.add_worker(broken_rank, 0);
  const AttemptId held = attempt_of(master.add_worker(good_rank, 0), 1);
  last = master.outcome(broken_rank, done(0, attempt_of(last, 0)), 1);
  for (std::uint32_t task = 2; task < 8; ++task) {
    EXPECT_TRUE(master.takes_work(broken_rank)) << task;
    last = master.outcome(broken_rank, task % 2 == 0 ? done(task, attempt_of(last, task)) : failed(task, attempt_of(last, task)), task);
    EXPECT_THAT(recorded(last), task % 2 == 0 ? ElementsAre(task) : testing::Matcher<std::vector<std::uint32_t>>(IsEmpty())) << task;
  }
  EXPECT_FALSE(master.takes_work(broken_rank)) << "three solves failed";
  const Commands probe = master.outcome(good_rank, done(1, held), 9);
  EXPECT_EQ(count<Quarantine>(master.outcome(good_rank, done(7, attempt_of(probe, 7)), 10)), 1U);
}

TEST(Quarantine, TheOnlyWorkerIsNotJudged) {
  Bench b(8);
  b.master.lose_worker(good_rank, "killed", 0);
  const Commands first = b.master.outcome(broken_rank, failed(1, attempt_of(b.last, 1)), 1);
  EXPECT_THAT(recorded(first), ElementsAre(1));
}

TEST(Quarantine, WhenTheOthersAreLostTheTestIsOff) {
  Bench b(8);
  b.fail(1, 4);
  const Commands commands = b.master.lose_worker(good_rank, "killed", 5);
  EXPECT_TRUE(b.master.takes_work(broken_rank));
  EXPECT_THAT(recorded(commands), ElementsAre(1, 2));
  EXPECT_THAT(assigned(commands), ElementsAre(3)) << "the test itself was not recorded";
}

TEST(Quarantine, WhatALostWorkerFailedIsTriedAgain) {
  Bench b(4);
  b.fail(1, 3);
  b.master.lose_worker(broken_rank, "killed", 5);
  EXPECT_THAT(assigned(b.master.outcome(good_rank, done(0, b.held_good), 6)), ElementsAre(1));
  EXPECT_EQ(b.master.snapshot().kinds[0].ready, 2U);
}

TEST(Quarantine, WhenNothingElseIsLeftFailuresAreRecorded) {
  Bench b(3);
  b.fail(1, 3);
  EXPECT_THAT(recorded(b.last), IsEmpty());
  EXPECT_THAT(recorded(b.master.outcome(good_rank, done(0, b.held_good), 6)), ElementsAre(0));
  EXPECT_THAT(recorded(b.master.durable(1, 7)), ElementsAre(1, 2));
  b.master.durable(3, 8);
  EXPECT_TRUE(b.master.settled());
}

TEST(Quarantine, AStopRecordsWhatIsWithheld) {
  Bench b(8);
  b.fail(1, 4);
  EXPECT_THAT(recorded(b.master.stop(5)), ElementsAre(1, 2)) << "3 is with nobody: it is left for the next run";
}

TEST(Quarantine, WhatWaitsBehindGoesToOthersAndALateSuccessAcquits) {
  task::TaskGraph graph;
  for (std::size_t i = 0; i < 6; ++i) graph.tasks.push_back(planned(i, "null", 1e-4));
  Master master(graph, {}, {.suspect_after = 1, .prefetch = 2});
  master.start(0);
  const Commands first = master.add_worker(broken_rank, 0);
  EXPECT_THAT(assigned(first), ElementsAre(0, 1));
  const Commands second = master.add_worker(good_rank, 0);
  EXPECT_THAT(assigned(second), ElementsAre(2, 3));
  const Commands probe = master.outcome(broken_rank, failed(0, attempt_of(first, 0)), 1);
  EXPECT_EQ(count<Cancel>(probe), 0U) << "task 1 runs";
  EXPECT_THAT(assigned(probe), IsEmpty());
  const Commands reinstated = master.outcome(broken_rank, done(1, attempt_of(first, 1)), 2);
  EXPECT_THAT(recorded(reinstated), ElementsAre(1));
  EXPECT_TRUE(master.takes_work(broken_rank));
}

TEST(Quarantine, WhereFewFailuresEndTheRunNothingIsWithheld) {
  for (const MasterOptions& options :
       {MasterOptions{.max_failures = 5}, MasterOptions{.fail_fast = true}, MasterOptions{.suspect_after = 0}}) {
    Bench b(8, options);
    EXPECT_THAT(recorded(b.master.outcome(broken_rank, failed(1, attempt_of(b.last, 1)), 1)), ElementsAre(1));
  }
  Bench b(8, {.max_failures = 100, .suspect_after = 3});
  b.fail(1, 2);
  EXPECT_THAT(recorded(b.last), IsEmpty()) << "the default of the program";
}

}  // namespace
}  // namespace espalier::dispatch::test
