// Is it the task that fails, or the worker? Failures in a row are withheld; a test with another worker decides (rules in master.hpp).
#include <algorithm>
#include <utility>

#include "espalier/dispatch/master.hpp"

namespace espalier::dispatch {

using base::AttemptId;
using base::Rank;
using base::TaskId;
using task::Outcome;

bool Master::takes_work(Rank rank) const {
  const auto it = workers_.find(rank);
  return it != workers_.end() && it->second.active && !it->second.on_probation;
}

/// Somebody is there for a second opinion.
bool Master::others_work(const Worker& worker) const {
  const std::size_t working = active_workers_ - on_probation_;
  return working > (worker.active && !worker.on_probation ? 1U : 0U);
}

void Master::take_failure(Workers::value_type& entry, TaskId id, Outcome outcome, Commands& commands) {
  Worker& worker = entry.second;
  if (worker.quarantined) return make_ready(id);
  const bool few_failures_end_it = options_.fail_fast || (options_.max_failures && *options_.max_failures <= options_.suspect_after);
  const bool withholds = options_.suspect_after > 0 && !few_failures_end_it && stop_reason_ == StopReason::none;
  if (probes_.contains(id)) return record(id, std::move(outcome), commands);  // a second opinion says nothing of this worker
  if (!withholds || !worker.active || !others_work(worker)) {
    release(worker, commands);
    record(id, std::move(outcome), commands);
    return;
  }
  worker.withheld.emplace_back(id, std::move(outcome));
  const auto same_kind = [&](const auto& failure) { return state(failure.first).kind == state(id).kind; };
  const auto in_a_row = static_cast<std::size_t>(std::count_if(worker.withheld.begin(), worker.withheld.end(), same_kind));
  if (!worker.on_probation && in_a_row >= worker.patience) start_probation(entry, commands);
}

/// It did a task of this kind.
void Master::take_success(Workers::value_type& entry, std::uint32_t kind, Commands& commands) {
  const auto its_test = [&](const auto& probe) { return probe.second == entry.first && state(probe.first).kind == kind; };
  if (!entry.second.on_probation || std::any_of(probes_.begin(), probes_.end(), its_test))
    reinstate(entry, commands, kind);
  else
    release(entry.second, commands, kind);
}

/// The last task that it failed goes to another worker, before all others; until then it gets nothing.
void Master::start_probation(Workers::value_type& entry, Commands& commands) {
  auto& [rank, worker] = entry;
  const TaskId task = worker.withheld.back().first;
  worker.withheld.pop_back();
  worker.on_probation = true;
  ++on_probation_;
  idle_.erase(rank);
  probes_.emplace(task, rank);
  make_ready(task);
  while (worker.held.size() > 1) {
    const Held held = worker.held.back();
    take(worker, held.attempt, worker.head_since);
    make_ready(held.task);
    commands.emplace_back(Cancel{rank, held.attempt});
  }
}

/// If the task was a test.
void Master::take_probe_result(TaskId id, bool failed, Commands& commands) {
  const auto probe = probes_.find(id);
  if (probe == probes_.end()) return;
  const Rank suspect = probe->second;
  probes_.erase(probe);
  const auto it = workers_.find(suspect);
  if (it == workers_.end() || !it->second.on_probation) return;
  if (!failed) return quarantine(*it, commands);
  it->second.patience *= 2;
  reinstate(*it, commands, state(id).kind);
}

/// It works, or its tasks fail elsewhere as well: its failures count, those of `kind` or all.
void Master::reinstate(Workers::value_type& entry, Commands& commands, std::optional<std::uint32_t> kind) {
  auto& [rank, worker] = entry;
  if (worker.on_probation) {
    worker.on_probation = false;
    --on_probation_;
    end_probes(rank);
    note_idle(entry);
  }
  release(worker, commands, kind);
}

void Master::quarantine(Workers::value_type& entry, Commands& commands) {
  auto& [rank, worker] = entry;
  commands.emplace_back(Quarantine{rank, worker.withheld.size() + 1});
  worker.quarantined = true;
  ++snapshot_.quarantined_workers;
  deactivate(entry);
  try_again(worker);
}

/// What it failed goes to others.
void Master::try_again(Worker& worker) {
  for (const auto& failure : std::exchange(worker.withheld, {})) make_ready(failure.first);
}

/// Its test is a task like others.
void Master::end_probes(Rank of) {
  for (auto it = probes_.begin(); it != probes_.end();) it = it->second == of ? probes_.erase(it) : std::next(it);
}

void Master::release(Worker& worker, Commands& commands, std::optional<std::uint32_t> kind) {
  for (auto& failure : std::exchange(worker.withheld, {})) {
    if (kind && state(failure.first).kind != *kind)
      worker.withheld.push_back(std::move(failure));
    else
      record(failure.first, std::move(failure.second), commands);
  }
}

void Master::release_all(Commands& commands) {
  for (auto& entry : workers_) reinstate(entry, commands);
}

/// Nobody is left who could give a second opinion.
void Master::reinstate_if_nobody_else(Commands& commands) {
  if (on_probation_ > 0 && active_workers_ == on_probation_) release_all(commands);
}

/// It takes no more work.
void Master::deactivate(Workers::value_type& entry) {
  auto& [rank, worker] = entry;
  if (worker.on_probation) --on_probation_;
  worker.on_probation = false;
  end_probes(rank);
  if (worker.active) --active_workers_;
  worker.active = false;
  idle_.erase(rank);
}

}  // namespace espalier::dispatch
