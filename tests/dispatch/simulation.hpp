// A farm without processes: carries out the master's commands with model workers, plays random events, and checks after each one
// what must always hold.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <vector>

#include "espalier/base/random.hpp"
#include "espalier/dispatch/master.hpp"

namespace espalier::dispatch::test {

using base::AttemptId;
using base::Rank;
using base::TaskId;

inline task::StageKey key_of(std::size_t i) { return {0xABCDEF, i}; }

/// Task i with the given parents.
inline task::PlannedTask planned(std::size_t i, const std::string& kind, double expected_seconds,
                                 const std::vector<std::uint32_t>& parents = {}) {
  task::PlannedTask result;
  result.spec.key = key_of(i);
  result.spec.kind = kind;
  result.expected_seconds = expected_seconds;
  for (const std::uint32_t parent : parents) {
    result.parents.push_back(TaskId{parent});
    result.spec.parents.push_back(key_of(parent));
  }
  return result;
}

inline task::TaskGraph random_graph(base::RandomStream& random, std::size_t size) {
  const char* kinds[] = {"train", "prune", "solve"};
  task::TaskGraph graph;
  for (std::uint32_t i = 0; i < size; ++i) {
    std::set<std::uint32_t> parents;
    for (std::uint64_t n = i == 0 ? 0 : random.below(3); n > 0; --n) parents.insert(static_cast<std::uint32_t>(random.below(i)));
    const double seconds = random.below(2) ? random.uniform(0, 0.01) : random.uniform(0, 10);
    graph.tasks.push_back(planned(i, kinds[random.below(3)], seconds, {parents.begin(), parents.end()}));
  }
  return graph;
}

class Simulation {
 public:
  Simulation(const task::TaskGraph& task_graph, Master& the_master, MasterOptions the_options)
      : graph(task_graph), master(the_master), options(the_options), own_failures(task_graph.tasks.size(), false) {}

  struct Sent {
    TaskId task;
    AttemptId attempt;
  };
  struct ModelWorker {
    std::deque<Sent> queue;
    bool asked_to_stop = false;
    bool retired = false;
  };

  void apply(const Commands& commands) {
    for (const Command& command : commands) std::visit([&](const auto& c) { carry_out(c); }, command);
    check();
  }

  void add_worker(int rank) {
    workers.try_emplace(Rank{rank});
    apply(master.add_worker(Rank{rank}, now));
  }

  /// The head of the worker's queue ends.
  void finish_head(Rank rank, bool fails) {
    ModelWorker& worker = workers.at(rank);
    const Sent sent = worker.queue.front();
    worker.queue.pop_front();
    own_failures[sent.task.value] = fails;
    apply(master.outcome(rank, outcome_of(sent, fails), now));
  }

  void lose(Rank rank) {
    for (const Sent& sent : workers.at(rank).queue) late.emplace_back(rank, sent);
    if (workers.at(rank).queue.size() == 1) ++certain_losses[workers.at(rank).queue.front().task];
    workers.erase(rank);
    apply(master.lose_worker(rank, "killed", now));
  }

  void sync(std::size_t count) {
    synced = std::min(records.size(), synced + count);
    for (std::size_t i = 0; i < synced; ++i) durable[records[i].key] = records[i].kind;
    apply(master.durable(synced, now));
  }

  task::Outcome outcome_of(const Sent& sent, bool fails) const {
    task::Outcome outcome;
    outcome.key = graph.tasks[sent.task.value].spec.key;
    outcome.attempt = sent.attempt;
    outcome.wall_seconds = graph.tasks[sent.task.value].expected_seconds;
    if (fails) {
      outcome.kind = task::OutcomeKind::failed;
      outcome.error_kind = error_kind;
      outcome.message = "broken";
    } else {
      outcome.part = task::PartFile{"parts/" + outcome.key.hex(), {sent.attempt.value, 7}};
    }
    return outcome;
  }

  bool idle() const {
    return std::all_of(workers.begin(), workers.end(), [](const auto& w) { return w.second.queue.empty(); });
  }

  const task::TaskGraph& graph;
  Master& master;
  MasterOptions options;
  double now = 0;
  std::map<Rank, ModelWorker> workers;
  std::vector<task::Outcome> records;
  std::size_t synced = 0;
  std::map<task::StageKey, task::OutcomeKind> durable;
  std::vector<std::pair<Rank, Sent>> late;  ///< attempts that the master gave up; their outcomes may still come
  std::map<TaskId, int> certain_losses;
  std::vector<bool> own_failures;
  std::string error_kind = "data";  ///< of what fails
  std::set<AttemptId> attempts_seen;
  std::size_t stops_asked = 0;
  std::set<Rank> quarantine;

 private:
  void carry_out(const Assign& assign) {
    const task::PlannedTask& task = graph.tasks[assign.task.value];
    ASSERT_TRUE(workers.contains(assign.worker));
    ModelWorker& worker = workers.at(assign.worker);
    ASSERT_FALSE(worker.retired) << "work for a retired worker";
    ASSERT_FALSE(quarantine.contains(assign.worker)) << "work for one that was quarantined";
    ASSERT_TRUE(attempts_seen.insert(assign.attempt).second) << "attempt id used twice";
    for (const auto& [rank, other] : workers)
      for (const Sent& sent : other.queue) ASSERT_NE(sent.task, assign.task) << "given to two workers at a time";
    for (const task::Outcome& outcome : records) ASSERT_NE(outcome.key, task.spec.key) << "given out again after it was recorded";
    for (const TaskId parent : task.parents) {
      const auto it = durable.find(key_of(parent.value));
      ASSERT_TRUE(it != durable.end() && it->second == task::OutcomeKind::done) << "given out before its parent was durable";
    }
    const task::Attempt attempt = master.attempt(assign.task, assign.attempt);
    ASSERT_EQ(attempt.spec.key, task.spec.key);
    ASSERT_EQ(attempt.inputs.size(), task.parents.size());
    for (std::size_t i = 0; i < task.parents.size(); ++i) ASSERT_EQ(attempt.inputs[i].name, "parts/" + key_of(task.parents[i].value).hex());
    if (!worker.queue.empty()) {
      ASSERT_LE(task.expected_seconds, options.prefetch_seconds) << "a task that is not small waits";
      ASSERT_LE(graph.tasks[worker.queue.front().task.value].expected_seconds, options.prefetch_seconds)
          << "a task waits behind a long one";
      ASSERT_LT(worker.queue.size(), options.prefetch);
      ASSERT_FALSE(lost_before.contains(assign.task)) << "a suspect has company";
    }
    worker.queue.push_back({assign.task, assign.attempt});
  }

  void carry_out(const Cancel& cancel) {
    auto& queue = workers.at(cancel.worker).queue;
    const auto it = std::find_if(queue.begin(), queue.end(), [&](const Sent& s) { return s.attempt == cancel.attempt; });
    ASSERT_NE(it, queue.end());
    ASSERT_NE(it, queue.begin()) << "the running task was cancelled";
    late.emplace_back(cancel.worker, *it);
    queue.erase(it);
  }

  void carry_out(const Quarantine& aside) { quarantine.insert(aside.worker); }

  void carry_out(const AskStop& ask) {
    workers.at(ask.worker).asked_to_stop = true;
    ++stops_asked;
  }

  void carry_out(const Record& record) {
    ASSERT_EQ(record.outcome.key, graph.tasks[record.task.value].spec.key);
    for (const task::Outcome& outcome : records) ASSERT_NE(outcome.key, record.outcome.key) << "recorded twice";
    records.push_back(record.outcome);
  }

  void check() const {
    std::size_t ready = 0, sum = 0;
    for (const KindCounts& k : master.snapshot().kinds) {
      ready += k.ready;
      sum += k.finished_before + k.done + k.failed + k.running + k.ready + k.waiting;
      ASSERT_EQ(k.total, k.finished_before + k.done + k.failed + k.running + k.ready + k.waiting);
    }
    ASSERT_EQ(sum, graph.tasks.size());
    if (master.stop_reason() != StopReason::none) return;
    for (const auto& [rank, worker] : workers)
      ASSERT_TRUE(ready == 0 || !master.takes_work(rank) || !worker.queue.empty())
          << "rank " << rank.value << " idles while " << ready << " tasks are ready";
  }

 public:
  std::set<TaskId> lost_before;
};

}  // namespace espalier::dispatch::test
