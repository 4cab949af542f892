// Random graphs under random events: whatever happens, each task is recorded once, after its parents, and the run ends.
#include <gtest/gtest.h>

#include "dispatch/simulation.hpp"

namespace espalier::dispatch::test {
namespace {

struct Setting {
  double failure_share = 0;
  bool losses = false;
  bool stops = false;
  int broken_rank = 0;  ///< fails everything
};

/// One random event; false if nothing was possible.
void random_event(Simulation& farm, base::RandomStream& random, const Setting& setting, int& next_rank) {
  farm.now += random.uniform(0, 0.2);
  std::vector<Rank> busy, all;
  for (const auto& [rank, worker] : farm.workers) {
    all.push_back(rank);
    if (!worker.queue.empty()) busy.push_back(rank);
  }
  switch (random.below(12)) {
    case 0:
      farm.apply(farm.master.tick(farm.now));
      return;
    case 1:
      farm.sync(1 + random.below(4));
      return;
    case 2:
      farm.sync(1000);
      return;
    case 3:
      if (setting.losses && !all.empty() && random.below(4) == 0) {
        const Rank victim = all[random.below(all.size())];
        for (const auto& sent : farm.workers.at(victim).queue) farm.lost_before.insert(sent.task);
        farm.lose(victim);
      }
      if (farm.workers.size() < 3) farm.add_worker(next_rank++);
      return;
    case 4:  // an outcome that nobody waits for any more
      if (!farm.late.empty()) {
        const auto [rank, sent] = farm.late[random.below(farm.late.size())];
        const std::size_t dropped = farm.master.snapshot().dropped_outcomes;
        farm.apply(farm.master.outcome(rank, farm.outcome_of(sent, random.below(2) == 1), farm.now));
        ASSERT_EQ(farm.master.snapshot().dropped_outcomes, dropped + 1);
      }
      return;
    case 5:
      if (setting.stops && !busy.empty() && random.below(10) == 0) {  // a worker gives everything back
        const Rank rank = busy[random.below(busy.size())];
        farm.workers.at(rank).retired = true;
        farm.apply(farm.master.retire_worker(rank, farm.now));
        while (!farm.workers.at(rank).queue.empty()) {
          const auto sent = farm.workers.at(rank).queue.back();
          farm.workers.at(rank).queue.pop_back();
          farm.apply(farm.master.returned(rank, sent.attempt, farm.now));
        }
        farm.add_worker(next_rank++);
      }
      return;
    default:
      if (!busy.empty()) {
        const Rank rank = busy[random.below(busy.size())];
        farm.finish_head(rank, rank.value == setting.broken_rank || random.uniform() < setting.failure_share);
      }
  }
}

void run_to_the_end(Simulation& farm, base::RandomStream& random, const Setting& setting) {
  int next_rank = 1;
  for (; next_rank <= 3; ++next_rank) farm.add_worker(next_rank);
  for (int events = 0; !farm.master.finished(); ++events) {
    ASSERT_LT(events, 100000) << "the run does not end";
    ASSERT_NO_FATAL_FAILURE(random_event(farm, random, setting, next_rank));
    if (testing::Test::HasFailure()) return;
  }
}

/// Failed itself, or has a failed ancestor, or killed its workers too often.
void check_verdicts(const Simulation& farm) {
  std::map<task::StageKey, const task::Outcome*> outcomes;
  for (const task::Outcome& outcome : farm.records) outcomes[outcome.key] = &outcome;
  for (std::size_t i = 0; i < farm.graph.tasks.size(); ++i) {
    const auto it = outcomes.find(key_of(i));
    ASSERT_NE(it, outcomes.end()) << "task " << i << " was lost";
    bool parent_failed = false;
    for (const TaskId parent : farm.graph.tasks[i].parents)
      parent_failed |= outcomes.at(key_of(parent.value))->kind == task::OutcomeKind::failed;
    const std::string& error = it->second->error_kind;
    if (parent_failed) {
      EXPECT_EQ(error, "parent");
      EXPECT_TRUE(it->second->message.starts_with("parent ")) << it->second->message;
    } else if (const auto losses = farm.certain_losses.find(TaskId{static_cast<std::uint32_t>(i)}); error == "worker") {
      ASSERT_NE(losses, farm.certain_losses.end());
      EXPECT_GE(losses->second, farm.options.max_attempts);
    } else if (farm.own_failures[i]) {  // the last time it ran
      EXPECT_EQ(error, "data");
    } else {
      EXPECT_EQ(it->second->kind, task::OutcomeKind::done);
    }
  }
}

void campaign(const Setting& setting, std::uint64_t runs) {
  for (std::uint64_t seed = 0; seed < runs; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    base::RandomStream random(seed, "dispatch");
    const task::TaskGraph graph = random_graph(random, 1 + random.below(40));
    MasterOptions options;
    options.prefetch = 1 + random.below(8);
    options.take_back_seconds = random.uniform(0, 0.5);
    options.suspect_after = random.below(5);
    Master master(graph, {}, options);
    Simulation farm(graph, master, options);
    farm.apply(master.start(0));
    ASSERT_NO_FATAL_FAILURE(run_to_the_end(farm, random, setting));
    EXPECT_TRUE(master.settled());
    EXPECT_EQ(farm.records.size(), graph.tasks.size());
    ASSERT_NO_FATAL_FAILURE(check_verdicts(farm));
    if (testing::Test::HasFailure()) return;
  }
}

TEST(RandomDispatch, EverythingSucceeds) { campaign({}, 400); }
TEST(RandomDispatch, TasksFail) { campaign({.failure_share = 0.1}, 400); }
TEST(RandomDispatch, WorkersAreLost) { campaign({.losses = true}, 400); }
TEST(RandomDispatch, Everything) { campaign({.failure_share = 0.05, .losses = true, .stops = true}, 1000); }

TEST(RandomDispatch, OneWorkerFailsEverything) { campaign({.failure_share = 0.05, .losses = true, .stops = true, .broken_rank = 2}, 600); }
TEST(RandomDispatch, EveryTaskFails) { campaign({.failure_share = 1}, 200); }

TEST(RandomDispatch, AStopAnywhereThenResume) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    base::RandomStream random(seed, "resume");
    const task::TaskGraph graph = random_graph(random, 30);
    std::vector<FinishedTask> finished;
    std::set<task::StageKey> recorded;
    for (int start = 0; recorded.size() < graph.tasks.size(); ++start) {
      ASSERT_LT(start, 200);
      Master master(graph, finished, {});
      Simulation farm(graph, master, {});
      for (const FinishedTask& task : finished) farm.durable[task.key] = task.kind;
      farm.apply(master.start(0));
      int rank = 1;
      for (; rank <= 2; ++rank) farm.add_worker(rank);
      for (std::uint64_t n = random.below(40); n > 0 && !master.finished(); --n)
        ASSERT_NO_FATAL_FAILURE(random_event(farm, random, {.failure_share = 0.05}, rank));
      const auto busy = std::find_if(farm.workers.begin(), farm.workers.end(), [](const auto& w) { return !w.second.queue.empty(); });
      if (random.below(2) == 0 && busy != farm.workers.end()) {
        farm.error_kind = "io";  // the task meets a full disk
        farm.finish_head(busy->first, true);
        farm.error_kind = "data";
        EXPECT_EQ(master.stop_reason(), StopReason::environment);
        EXPECT_EQ(farm.stops_asked, farm.workers.size());
      } else {
        farm.apply(master.stop(farm.now));
      }
      const std::size_t given = farm.attempts_seen.size();
      for (int n = 0; !master.finished(); ++n) {
        ASSERT_LT(n, 10000);
        ASSERT_NO_FATAL_FAILURE(random_event(farm, random, {}, rank));
      }
      EXPECT_EQ(farm.attempts_seen.size(), given) << "work was given out after the stop";
      EXPECT_TRUE(farm.idle());
      for (const task::Outcome& outcome : farm.records) {
        EXPECT_TRUE(recorded.insert(outcome.key).second) << "recorded in two runs";
        finished.push_back({outcome.key, outcome.kind, outcome.message, outcome.part});
      }
      if (testing::Test::HasFailure()) return;
    }
  }
}

TEST(RandomDispatch, AnySubsetMayBeFinished) {
  // Not only what a run leaves behind: a parent whose part file was lost runs again under children that are finished.
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    base::RandomStream random(seed, "subset");
    const task::TaskGraph graph = random_graph(random, 30);
    std::vector<FinishedTask> finished;
    for (std::size_t i = 0; i < graph.tasks.size(); ++i)
      if (random.below(3) == 0)
        finished.push_back({key_of(i), task::OutcomeKind::done, "", task::PartFile{"parts/" + key_of(i).hex(), {}}});
    Master master(graph, finished, {});
    Simulation farm(graph, master, {});
    for (const FinishedTask& task : finished) farm.durable[task.key] = task.kind;
    farm.apply(master.start(0));
    ASSERT_NO_FATAL_FAILURE(run_to_the_end(farm, random, {.losses = true}));
    EXPECT_EQ(farm.records.size() + finished.size(), graph.tasks.size());
    if (testing::Test::HasFailure()) return;
  }
}

TEST(RandomDispatch, SameEventsGiveSameCommands) {
  const auto trace = [](std::uint64_t seed) {
    base::RandomStream random(seed, "determinism");
    const task::TaskGraph graph = random_graph(random, 40);
    Master master(graph, {}, {});
    Simulation farm(graph, master, {});
    farm.apply(master.start(0));
    run_to_the_end(farm, random, {.failure_share = 0.1, .losses = true, .stops = true});
    std::string text;
    for (const task::Outcome& o : farm.records) text += o.key.hex() + " " + std::to_string(o.attempt.value) + o.message + "\n";
    return text;
  };
  for (std::uint64_t seed = 0; seed < 50; ++seed) EXPECT_EQ(trace(seed), trace(seed));
}

}  // namespace
}  // namespace espalier::dispatch::test
