// Is it the task that fails, or the worker? Failures in a row are withheld; a test with another worker decides (rules in master.hpp).
#include <utility>

#include "espalier/dispatch/master.hpp"

namespace espalier::dispatch {

using base::AttemptId;
using base::Rank;
using base::TaskId;
using task::Outcome;

bool Master::takes_work(Rank rank) const {
  const auto it = workers_.find(rank);
  return it != workers_.end() && it->second.active && !it->second.on_trial;
}

/// Somebody is there for a second opinion.
bool Master::others_work(const Worker& worker) const {
  const std::size_t working = active_workers_ - on_trial_;
  return working > (worker.active && !worker.on_trial ? 1U : 0U);
}

void Master::judge_failure(Workers::value_type& entry, TaskId id, Outcome outcome, Commands& commands) {
  Worker& worker = entry.second;
  if (worker.set_aside) return make_ready(id);
  const bool withholds = options_.suspect_after > 0 && !options_.fail_fast && !options_.max_failures && stop_reason_ == StopReason::none;
  if (trials_.contains(id)) return record(id, std::move(outcome), commands);  // a second opinion says nothing of this worker
  if (!withholds || !worker.active || !others_work(worker)) {
    release(worker, commands);
    record(id, std::move(outcome), commands);
    return;
  }
  worker.withheld.emplace_back(id, std::move(outcome));
  if (!worker.on_trial && worker.withheld.size() >= worker.patience) put_on_trial(entry, commands);
}

/// The last task that it failed goes to another worker, before all others; until then it gets nothing.
void Master::put_on_trial(Workers::value_type& entry, Commands& commands) {
  auto& [rank, worker] = entry;
  const TaskId task = worker.withheld.back().first;
  worker.withheld.pop_back();
  worker.on_trial = true;
  ++on_trial_;
  idle_.erase(rank);
  trials_.emplace(task, rank);
  make_ready(task);
  while (worker.held.size() > 1) {
    const Held held = worker.held.back();
    take(worker, held.attempt, worker.head_since);
    make_ready(held.task);
    commands.emplace_back(Cancel{rank, held.attempt});
  }
}

/// If the task was a test.
void Master::verdict(TaskId id, bool failed, Commands& commands) {
  const auto trial = trials_.find(id);
  if (trial == trials_.end()) return;
  const Rank suspect = trial->second;
  trials_.erase(trial);
  const auto it = workers_.find(suspect);
  if (it == workers_.end() || !it->second.on_trial) return;
  if (!failed) return set_aside(*it, commands);
  it->second.patience *= 2;
  acquit(*it, commands);
}

/// It works, or its tasks fail elsewhere as well: its failures count.
void Master::acquit(Workers::value_type& entry, Commands& commands) {
  auto& [rank, worker] = entry;
  if (worker.on_trial) {
    worker.on_trial = false;
    --on_trial_;
    end_trials(rank);
    note_idle(entry);
  }
  release(worker, commands);
}

void Master::set_aside(Workers::value_type& entry, Commands& commands) {
  auto& [rank, worker] = entry;
  commands.emplace_back(SetAside{rank, worker.withheld.size() + 1});
  worker.set_aside = true;
  ++snapshot_.set_aside_workers;
  deactivate(entry);
  try_again(worker);
}

/// What it failed goes to others.
void Master::try_again(Worker& worker) {
  for (const auto& failure : std::exchange(worker.withheld, {})) make_ready(failure.first);
}

/// Its test is a task like others.
void Master::end_trials(Rank of) {
  for (auto it = trials_.begin(); it != trials_.end();) it = it->second == of ? trials_.erase(it) : std::next(it);
}

void Master::release(Worker& worker, Commands& commands) {
  for (auto& [id, outcome] : std::exchange(worker.withheld, {})) record(id, std::move(outcome), commands);
}

void Master::release_all(Commands& commands) {
  for (auto& entry : workers_) acquit(entry, commands);
}

/// Nobody is left who could give a second opinion.
void Master::acquit_if_nobody_else(Commands& commands) {
  if (on_trial_ > 0 && active_workers_ == on_trial_) release_all(commands);
}

/// It takes no more work.
void Master::deactivate(Workers::value_type& entry) {
  auto& [rank, worker] = entry;
  if (worker.on_trial) --on_trial_;
  worker.on_trial = false;
  end_trials(rank);
  if (worker.active) --active_workers_;
  worker.active = false;
  idle_.erase(rank);
}

}  // namespace espalier::dispatch
