// Ranks that fall silent, with threads as ranks. (Processes that die: tests/farm/mpi/losses_test.py.)
#include "farm/liveness.hpp"

#include <gmock/gmock.h>

#include "espalier/base/build_info.hpp"
#include "farm/harness.hpp"
#include "farm/messages.hpp"
#include "farm/stage_thread.hpp"

namespace espalier::farm::test {
namespace {

using base::Rank;
using base::Seconds;
using dispatch::StopReason;
using testing::HasSubstr;

/// A worker on another machine: takes one task and is never heard of again. Returns when the master has given it up.
void fall_silent(wire::Link& link, double seconds) {
  link.send(Rank{0}, static_cast<int>(Tag::hello), encode(Hello{build_id(), "far-away", "", {"elsewhere", 4711, 1}}));
  const base::Stopwatch watch;
  while (watch.wall_seconds() < seconds) link.receive(Seconds(0.05));
}

TEST_F(Farm, ASilentWorkerIsLostAndItsTaskGoesToAnother) {
  task::TaskGraph graph;
  for (std::int64_t i = 0; i < 6; ++i) toy::add(graph, "null", {{"i", i}, {"sleep", 0.15}});
  const task::StageRegistry stages = toy::registry(&log);
  MemoryLedger ledger;
  options.silence_seconds = 0.5;
  const RunResult result = with_ranks(
      3, [&](wire::Link& link) { return run_master(link, graph, stages, directory, {}, ledger, options); },
      [&](wire::Link& link) {
        if (link.rank() == Rank{1})
          fall_silent(link, 3);
        else
          run_worker(link, stages, directory);
      });
  EXPECT_TRUE(result.settled);
  EXPECT_EQ(result.done(), 6U);
  EXPECT_EQ(result.lost, 1);
  EXPECT_EQ(result.counts.lost_workers, 1U);
}

TEST_F(Farm, WhenEveryWorkerIsLostTheRunEndsAndSaysSo) {
  task::TaskGraph graph;
  toy::add(graph, "null", {});
  const task::StageRegistry stages = toy::registry(&log);
  MemoryLedger ledger;
  options.silence_seconds = 0.3;
  const RunResult result = with_ranks(
      2, [&](wire::Link& link) { return run_master(link, graph, stages, directory, {}, ledger, options); },
      [&](wire::Link& link) { fall_silent(link, 1.5); });
  EXPECT_EQ(result.stopped, StopReason::no_workers);
  EXPECT_FALSE(result.settled);
  EXPECT_FALSE(result.error);
  EXPECT_FALSE(result.left_behind);
  EXPECT_EQ(result.lost, 1);
}

TEST_F(Farm, AWorkerWhoseStageBlocksForLongIsHeardOf) {
  task::TaskGraph graph;
  toy::add(graph, "null", {{"sleep", 1.5}, {"deaf", true}});
  const task::StageRegistry stages = toy::registry(&log);
  MemoryLedger ledger;
  options.silence_seconds = 0.5;
  const RunResult result = run(graph, 2, ledger);
  EXPECT_TRUE(result.settled);
  EXPECT_EQ(result.lost, 0);
}

TEST(MasterWatch, SilenceAndAGoneProcessAreLosses) {
  const auto network = wire::InProcessNetwork::create(2);
  const auto link = network->link(Rank{1});
  const auto message = [](Tag tag, std::string bytes = "") { return wire::Message{Rank{0}, static_cast<int>(tag), std::move(bytes)}; };
  MasterWatch watch(*link, 0.1);
  watch.heard(message(Tag::welcome, base::to_text({"elsewhere", 12, 3})));
  std::this_thread::sleep_for(Seconds(0.3));
  EXPECT_EQ(watch.loss(), "") << "it may prepare the run for ten times as long";
  watch.heard(message(Tag::alive));
  EXPECT_EQ(watch.loss(), "");
  std::this_thread::sleep_for(Seconds(0.2));
  EXPECT_THAT(watch.loss(), HasSubstr("the master has been silent for"));

  base::ProcessId gone = base::this_process();
  --gone.start_ticks;
  MasterWatch another(*link, 60);
  another.heard(message(Tag::welcome, base::to_text(gone)));
  EXPECT_EQ(another.loss(), fmt::format("the master (process {}) is gone", ::getpid()));
}

TEST(AwakeClock, AGapCountsAsASecondAtMost) {
  AwakeClock clock;
  std::this_thread::sleep_for(Seconds(1.5));
  EXPECT_LE(clock.look(), 1.0);
}

TEST(Messages, HelloAndEndAndBack) {
  const Hello hello{"build", "host", "why", base::this_process()};
  const Hello back = decode_hello(encode(hello));
  EXPECT_EQ(back.build, "build");
  EXPECT_EQ(back.host, "host");
  EXPECT_EQ(back.refusal, "why");
  EXPECT_EQ(back.process, hello.process);
  EXPECT_EQ(decode_end(encode(End{false, 75})).exit_code, 75);
  EXPECT_FALSE(decode_end(encode(End{false, 75})).orderly);
  EXPECT_TRUE(decode_end(encode(End{})).orderly);
  for (const char* bytes : {"", "orderly", "now x"}) EXPECT_THROW(decode_end(bytes), base::Error) << bytes;
  EXPECT_THROW(decode_hello("build"), base::Error);
}

task::Attempt attempt(std::uint64_t id) {
  task::Attempt result;
  result.id = base::AttemptId{id};
  return result;
}

TEST(StageThread, GivesBackWhatHasNotBegunAndStopsWhatRuns) {
  std::atomic<bool> began{false};
  StageThread stages([&](const task::Attempt&, const std::function<bool()>& stop) -> std::optional<task::Outcome> {
    began = true;
    while (!stop()) std::this_thread::sleep_for(Seconds(0.001));
    return std::nullopt;
  });
  EXPECT_FALSE(stages.busy());
  stages.assign(attempt(1));
  stages.assign(attempt(2));
  EXPECT_TRUE(stages.busy());
  while (!began) std::this_thread::sleep_for(Seconds(0.001));
  EXPECT_FALSE(stages.wait_for_news(Seconds(0)));
  stages.leave();
  std::vector<std::uint64_t> returned;
  while (!stages.finished()) {
    stages.wait_for_news(Seconds(1));
    for (const base::AttemptId id : stages.take_news().returned) returned.push_back(id.value);
  }
  EXPECT_THAT(returned, testing::UnorderedElementsAre(1, 2));
}

TEST(StageThread, RunsInOrderAndForgetsWhatIsCancelled) {
  std::vector<std::uint64_t> ran;
  std::mutex gate;
  gate.lock();
  StageThread stages([&](const task::Attempt& a, const std::function<bool()>&) -> std::optional<task::Outcome> {
    const std::lock_guard wait(gate);
    ran.push_back(a.id.value);
    task::Outcome outcome;
    outcome.attempt = a.id;
    return outcome;
  });
  for (std::uint64_t id = 1; id <= 3; ++id) stages.assign(attempt(id));
  stages.cancel(base::AttemptId{2});
  gate.unlock();
  std::size_t outcomes = 0;
  while (outcomes < 2) {
    ASSERT_TRUE(stages.wait_for_news(Seconds(10)));
    outcomes += stages.take_news().outcomes.size();
  }
  EXPECT_THAT(ran, testing::ElementsAre(1, 3));
}

}  // namespace
}  // namespace espalier::farm::test
