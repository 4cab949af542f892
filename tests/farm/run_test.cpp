// Whole runs with threads as ranks.
#include <gmock/gmock.h>

#include "farm/harness.hpp"
#include "farm/messages.hpp"

namespace espalier::farm::test {
namespace {

using dispatch::StopReason;
using testing::HasSubstr;

TEST_F(Farm, RowsAreTheSameForAnyNumberOfRanks) {
  const task::TaskGraph graph = toy::grid(3, 4, 5);
  std::vector<std::string> reference;
  for (const int ranks : {1, 2, 3, 4, 8}) {
    SCOPED_TRACE(std::to_string(ranks) + " ranks");
    std::filesystem::remove_all(directory);
    std::filesystem::create_directories(directory);
    MemoryLedger ledger;
    const RunResult result = run(graph, ranks, ledger);
    EXPECT_TRUE(result.settled);
    EXPECT_FALSE(result.error);
    EXPECT_FALSE(result.left_behind);
    EXPECT_EQ(result.stopped, StopReason::none);
    EXPECT_EQ(result.done(), graph.tasks.size());
    EXPECT_GT(result.busy_share, 0);
    if (ranks == 1) reference = rows(ledger.durable);
    EXPECT_EQ(reference.size(), graph.tasks.size());
    EXPECT_EQ(rows(ledger.durable), reference);
  }
}

TEST_F(Farm, ChildrenStartOnlyAfterTheirParentsAreDurable) {
  const task::TaskGraph graph = toy::grid(4, 2, 2);
  MemoryLedger ledger;
  ledger.sync_seconds = base::Seconds(0.005);
  std::atomic<int> too_early{0};
  log.on_run = [&](const task::Attempt& attempt) {
    for (const task::StageKey& parent : attempt.spec.parents) too_early += !ledger.is_durable(parent);
  };
  EXPECT_TRUE(run(graph, 4, ledger).settled);
  EXPECT_EQ(too_early, 0);
}

TEST_F(Farm, OnlyAStageThatLeavesAPartHasAFolderForIt) {
  for (const char* kind : {"solve", "train"}) {
    task::TaskGraph graph;
    toy::add(graph, kind, {});
    MemoryLedger ledger;
    EXPECT_EQ(run(graph, 2, ledger).done(), 1U);
    EXPECT_EQ(std::filesystem::exists(directory / "parts"), std::string_view(kind) == "train");
  }
}

TEST_F(Farm, ManyRecordsShareOneSync) {
  task::TaskGraph graph;
  for (std::int64_t i = 0; i < 2000; ++i) toy::add(graph, "null", {{"i", i}}, {}, 1e-5);
  MemoryLedger ledger;
  ledger.sync_seconds = base::Seconds(0.003);
  EXPECT_TRUE(run(graph, 3, ledger).settled);
  EXPECT_EQ(ledger.durable.size(), 2000U);
  EXPECT_LT(ledger.syncs, 1000);
}

TEST_F(Farm, EverythingThrownBecomesAFailedRow) {
  const std::map<std::string, std::string> expected{{"configuration", "configuration: broken on purpose"},
                                                    {"data", "data: broken on purpose"},
                                                    {"store", "store: broken on purpose"},
                                                    {"solver", "solver: broken on purpose"},
                                                    {"numeric", "numeric: broken on purpose"},
                                                    {"internal", "internal: broken on purpose"},
                                                    {"exception", "exception: index 7 of 3"},
                                                    {"memory", "memory: out of memory (std::bad_alloc)"},
                                                    {"number", "exception: something that is no std::exception was thrown"}};
  task::TaskGraph graph;
  std::map<task::StageKey, std::string> by_key;
  for (const auto& [how, message] : expected) {
    const auto id = toy::add(graph, "train", {{"fail", how}});
    by_key[graph.tasks[id.value].spec.key] = message;
    const auto child = toy::add(graph, "solve", {{"solve.sample", std::int64_t{1}}}, {id});
    by_key[graph.tasks[child.value].spec.key] =
        fmt::format("parent: parent train {} failed: {}", graph.tasks[id.value].spec.key.hex(), message.substr(message.find(": ") + 2));
  }
  toy::add(graph, "train", {});
  MemoryLedger ledger;
  const RunResult result = run(graph, 3, ledger);
  EXPECT_TRUE(result.settled);
  EXPECT_EQ(result.done(), 1U);
  EXPECT_EQ(result.failed(), 2 * expected.size());
  EXPECT_EQ(result.failures.size(), 2 * expected.size());
  for (const task::Outcome& outcome : ledger.durable) {
    if (outcome.kind == task::OutcomeKind::failed) {
      EXPECT_EQ(outcome.error_kind + ": " + outcome.message, by_key.at(outcome.key));
    }
  }
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory))
    EXPECT_THAT(entry.path().filename().string(), testing::Not(HasSubstr("tmp"))) << "a temporary file was left";
}

TEST_F(Farm, AStageThatReturnsWhatItDidNotDeclareFails) {
  task::TaskGraph graph;
  toy::add(graph, "null", {{"undeclared", std::int64_t{1}}});
  MemoryLedger ledger;
  const RunResult result = run(graph, 2, ledger);
  ASSERT_EQ(result.failures.size(), 1U);
  EXPECT_EQ(result.failures[0].error_kind, "internal");
  EXPECT_EQ(result.failures[0].message, "stage 'null' returned 'undeclared', which is none of its columns");
}

TEST_F(Farm, AnUnknownStageOrAnotherSchemaVersionFails) {
  task::TaskGraph graph;
  toy::add(graph, "null", {{"a", true}});
  toy::add(graph, "paint", {});
  graph.tasks[0].spec.schema_version = 9;
  MemoryLedger ledger;
  const RunResult result = run(graph, 2, ledger);
  std::vector<std::string> messages;
  for (const Failure& failure : result.failures) messages.push_back(failure.message);
  EXPECT_THAT(messages, testing::UnorderedElementsAre("stage 'null': this worker has schema version 1, the plan 9",
                                                      "no stage is called 'paint'; there are: null, prune, solve, train"));
}

/// Disk full, permission denied, a device error: the next run, when that is repaired, does what is left.
TEST_F(Farm, ARefusalOfTheSystemEndsTheRunAndFailsNoTask) {
  task::TaskGraph graph = toy::grid(2, 2, 2, {{"sleep", 0.01}});
  const auto broken = toy::add(graph, "train", {{"fail", std::string("io")}}, {}, 0.6);  // when some are done
  toy::add(graph, "solve", {{"solve.sample", std::int64_t{1}}}, {broken});
  for (const int ranks : {1, 3}) {
    MemoryLedger ledger;
    const RunResult result = run(graph, ranks, ledger);
    ASSERT_TRUE(result.error);
    EXPECT_EQ(result.error->kind(), base::ErrorKind::io);
    EXPECT_THAT(result.error->what(), testing::MatchesRegex("rank [12] \\(process [0-9]+ on .*\\): broken on purpose"));
    EXPECT_EQ(result.stopped, StopReason::environment);
    EXPECT_FALSE(result.settled);
    EXPECT_FALSE(result.left_behind);
    EXPECT_EQ(result.failed(), 0U);
    EXPECT_EQ(result.done(), ledger.durable.size());
    EXPECT_LT(result.done(), graph.tasks.size() - 1);
  }
}

TEST_F(Farm, AMissingOrChangedInputEndsTheRun) {
  const task::TaskGraph graph = toy::grid(1, 1, 2);
  MemoryLedger ledger;
  log.on_run = [&](const task::Attempt& attempt) {
    if (attempt.spec.kind == "prune") base::write_file_atomically(directory / attempt.inputs[0].name, "other");
  };
  const RunResult result = run(graph, 2, ledger);
  EXPECT_EQ(result.done(), 2U);
  EXPECT_EQ(result.failed(), 0U);
  ASSERT_TRUE(result.error);
  EXPECT_EQ(result.error->kind(), base::ErrorKind::io);
  EXPECT_THAT(result.error->what(), HasSubstr("input 0 of 2: "));
}

TEST_F(Farm, FailFastEndsTheRun) {
  task::TaskGraph graph;
  toy::add(graph, "null", {{"fail", std::string("data")}}, {}, 100);
  toy::add(graph, "null", {{"sleep", 30.0}}, {}, 90);
  for (std::int64_t i = 0; i < 50; ++i) toy::add(graph, "null", {{"i", i}}, {}, 1);
  options.fail_fast = true;
  MemoryLedger ledger;
  const base::Stopwatch watch;
  const RunResult result = run(graph, 3, ledger);
  EXPECT_LT(watch.wall_seconds(), 5) << "the sleeping stage was to be stopped";
  EXPECT_EQ(result.stopped, StopReason::failures);
  EXPECT_EQ(result.failed(), 1U);
  EXPECT_FALSE(result.settled);
  EXPECT_FALSE(result.left_behind);
}

TEST_F(Farm, MaxFailuresEndsTheRun) {
  task::TaskGraph graph;
  for (std::int64_t i = 0; i < 100; ++i) toy::add(graph, "null", {{"i", i}, {"fail", std::string("numeric")}}, {}, 1);
  options.max_failures = 5;
  MemoryLedger ledger;
  const RunResult result = run(graph, 3, ledger);
  EXPECT_EQ(result.stopped, StopReason::failures);
  EXPECT_GE(result.failed(), 5U);
  EXPECT_LE(result.failed(), 6U) << "only what was running may end";
}

TEST_F(Farm, ASecondRunDoesNothingTwice) {
  const task::TaskGraph graph = toy::grid(2, 2, 3);
  MemoryLedger ledger;
  run(graph, 3, ledger);
  const auto first = rows(ledger.durable);
  const auto finished = ledger.finished();
  log.runs.clear();
  const RunResult again = run(graph, 3, ledger, finished);
  EXPECT_TRUE(again.settled);
  EXPECT_TRUE(log.runs.empty());
  EXPECT_EQ(again.done(), 0U);
  EXPECT_EQ(rows(ledger.durable), first);
}

TEST_F(Farm, AStopAtAnyMomentLosesNothingAndRepeatsNothing) {
  const task::TaskGraph graph = toy::grid(3, 3, 3, {{"sleep", 0.002}});
  MemoryLedger reference;
  run(graph, 1, reference);
  for (int start = 0; start < 6; ++start) {
    SCOPED_TRACE(start);
    std::filesystem::remove_all(directory);
    std::filesystem::create_directories(directory);
    MemoryLedger ledger;
    log.runs.clear();
    std::atomic<int> until_stop{3 + 7 * start};
    log.on_run = [&](const task::Attempt&) {
      if (--until_stop == 0) request_stop();
    };
    const RunResult stopped = run(graph, 3, ledger);
    EXPECT_EQ(stopped.stopped, StopReason::requested);
    EXPECT_FALSE(stopped.left_behind);
    // Of the last few tasks, all may have begun on other workers.
    if (start < 4) {
      EXPECT_LT(ledger.durable.size(), graph.tasks.size());
    }
    EXPECT_EQ(ledger.durable.size(), stopped.done());
    clear_stop_request();
    const auto finished = ledger.finished();
    log.runs.clear();
    EXPECT_TRUE(run(graph, 4, ledger, finished).settled);
    for (const auto& task : finished) EXPECT_FALSE(log.runs.contains(task.key)) << "run again after it was durable";
    EXPECT_EQ(rows(ledger.durable), rows(reference.durable));
  }
}

TEST_F(Farm, AStopEndsLongStagesWithinTheGrace) {
  task::TaskGraph graph;
  for (std::int64_t i = 0; i < 4; ++i) toy::add(graph, "null", {{"i", i}, {"sleep", 60.0}});
  MemoryLedger ledger;
  std::jthread stopper([&] {
    while (log.running < 2) std::this_thread::sleep_for(base::Seconds(0.005));
    request_stop();
  });
  const base::Stopwatch watch;
  const RunResult result = run(graph, 3, ledger);
  EXPECT_LT(watch.wall_seconds(), 4);
  EXPECT_EQ(result.stopped, StopReason::requested);
  EXPECT_FALSE(result.left_behind);
  EXPECT_TRUE(ledger.durable.empty()) << "a stopped stage is neither done nor failed";
}

TEST_F(Farm, AStageThatDoesNotListenIsLeftBehind) {
  // Alone: the thread is detached, and what it uses must live until the process ends.
  static toy::Log& its_log = *new toy::Log;
  static const task::StageRegistry& stages = *new task::StageRegistry(toy::registry(&its_log));
  its_log.running = 0;
  task::TaskGraph graph;
  toy::add(graph, "null", {{"sleep", 2.0}, {"deaf", true}});
  MemoryLedger ledger;
  options.stop_grace_seconds = 0.2;
  std::jthread stopper([&] {
    while (its_log.running < 1) std::this_thread::sleep_for(base::Seconds(0.005));
    request_stop();
  });
  const base::Stopwatch watch;
  const RunResult result = run_master(*wire::connect(wire::Launch::alone), graph, stages, directory, {}, ledger, options);
  EXPECT_LT(watch.wall_seconds(), 1.5);
  EXPECT_TRUE(result.left_behind);
  EXPECT_EQ(result.stopped, StopReason::requested);
  std::this_thread::sleep_for(base::Seconds(2.2));  // it ends before its test does
}

TEST_F(Farm, AFullDiskEndsTheRunWithAnErrorAndKeepsWhatIsDurable) {
  const task::TaskGraph graph = toy::grid(3, 3, 3, {{"sleep", 0.001}});
  for (const int ranks : {1, 3}) {
    MemoryLedger ledger;
    ledger.fail_append_after = 10;
    const RunResult result = run(graph, ranks, ledger);
    ASSERT_TRUE(result.error);
    EXPECT_EQ(result.error->kind(), base::ErrorKind::io);
    EXPECT_THAT(result.error->what(), HasSubstr("No space left on device"));
    EXPECT_FALSE(result.left_behind);
    EXPECT_LE(ledger.durable.size(), 10U);
    EXPECT_EQ(result.done(), ledger.durable.size()) << "nothing counts as done that is not durable";
  }
}

TEST_F(Farm, ARankThatCannotWorkIsReportedAndTheOthersGoOn) {
  const task::TaskGraph graph = toy::grid(2, 2, 2);
  const task::StageRegistry stages = toy::registry(&log);
  MemoryLedger ledger;
  const RunResult result = with_ranks(
      3, [&](wire::Link& link) { return run_master(link, graph, stages, directory, {}, ledger, options); },
      [&](wire::Link& link) {
        if (link.rank().value == 1)
          decline(link, "cannot read 'grid.yaml'");
        else
          run_worker(link, stages, directory);
      });
  EXPECT_TRUE(result.settled);
  EXPECT_EQ(result.workers, 1);
}

TEST_F(Farm, NoWorkerAtAllIsAnErrorThatSaysWhy) {
  const task::TaskGraph graph = toy::grid(1, 1, 1);
  const task::StageRegistry stages = toy::registry(&log);
  MemoryLedger ledger;
  const RunResult result = with_ranks(
      3, [&](wire::Link& link) { return run_master(link, graph, stages, directory, {}, ledger, options); },
      [&](wire::Link& link) { decline(link, "cannot read 'grid.yaml'"); });
  ASSERT_TRUE(result.error);
  EXPECT_EQ(result.error->kind(), base::ErrorKind::configuration);
  EXPECT_THAT(result.error->what(), testing::StartsWith("no worker can start:\n  rank 1 on "));
  EXPECT_THAT(result.error->what(), HasSubstr("cannot work: cannot read 'grid.yaml'"));
}

TEST_F(Farm, AWorkerOfAnotherBuildIsRefused) {
  const task::TaskGraph graph = toy::grid(1, 1, 1);
  const task::StageRegistry stages = toy::registry(&log);
  MemoryLedger ledger;
  const RunResult result = with_ranks(
      2, [&](wire::Link& link) { return run_master(link, graph, stages, directory, {}, ledger, options); },
      [&](wire::Link& link) {
        link.send(base::Rank{0}, static_cast<int>(Tag::hello), encode(Hello{"0.0.1 abc", "old-node", ""}));
        while (link.receive(base::Seconds(1))->tag != static_cast<int>(Tag::leave)) continue;
        link.send(base::Rank{0}, static_cast<int>(Tag::bye), "");
      });
  ASSERT_TRUE(result.error);
  EXPECT_THAT(result.error->what(),
              HasSubstr("rank 1 on old-node cannot work: its program is another build: expected '" + build_id() + "', found '0.0.1 abc'"));
}

TEST_F(Farm, SilentRanksDoNotKeepTheRunWaitingForEver) {
  const task::TaskGraph graph = toy::grid(1, 1, 1);
  const task::StageRegistry stages = toy::registry(&log);
  MemoryLedger ledger;
  options.hello_seconds = 0.2;
  const RunResult result = with_ranks(
      2, [&](wire::Link& link) { return run_master(link, graph, stages, directory, {}, ledger, options); },
      [&](wire::Link& link) { link.receive(base::Seconds(10)); });
  ASSERT_TRUE(result.error);
  EXPECT_THAT(result.error->what(), HasSubstr("ranks were silent for 0.2 s"));
}

TEST_F(Farm, DismissedWorkersEnd) {
  const task::StageRegistry stages = toy::registry(&log);
  const auto network = wire::InProcessNetwork::create(3);
  std::vector<std::jthread> workers;
  for (int r = 1; r < 3; ++r)
    workers.emplace_back([&, r] {
      const auto link = network->link(base::Rank{r});
      run_worker(*link, stages, directory);
    });
  dismiss(*network->link(base::Rank{0}));
}

TEST_F(Farm, ABrokenGraphIsAnErrorAndWorkersEnd) {
  task::TaskGraph graph = toy::grid(1, 1, 1);
  std::swap(graph.tasks[0], graph.tasks[2]);
  MemoryLedger ledger;
  for (const int ranks : {1, 3}) {
    const RunResult result = run(graph, ranks, ledger);
    ASSERT_TRUE(result.error);
    EXPECT_EQ(result.error->kind(), base::ErrorKind::internal);
  }
}

}  // namespace
}  // namespace espalier::farm::test
