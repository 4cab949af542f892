// A task's way through the master: ready, assigned, recorded, settled.
#include "espalier/dispatch/master.hpp"

#include "espalier/base/error.hpp"

namespace espalier::dispatch {

using base::AttemptId;
using base::ErrorKind;
using base::fail;
using base::Rank;
using base::TaskId;
using task::Outcome;
using task::OutcomeKind;

Commands Master::start(double now) {
  Commands commands;
  for (const auto& [id, message] : failed_before_) fail_descendants(id, message, commands);
  failed_before_.clear();
  fill(commands, now);
  return commands;
}

Commands Master::add_worker(Rank rank, double now) {
  Commands commands;
  if (workers_.contains(rank)) return commands;
  auto& worker = *workers_.try_emplace(rank).first;
  worker.second.patience = options_.suspect_after;
  ++active_workers_;
  note_idle(worker);
  fill(commands, now);
  return commands;
}

Commands Master::retire_worker(Rank rank, double now) {
  Commands commands;
  const auto it = workers_.find(rank);
  if (it == workers_.end() || !it->second.active) return commands;
  deactivate(*it);
  release(it->second, commands);
  reinstate_if_nobody_else(commands);
  fill(commands, now);
  return commands;
}

Commands Master::lose_worker(Rank rank, const std::string& reason, double now) {
  Commands commands;
  const auto it = workers_.find(rank);
  if (it == workers_.end()) return commands;
  deactivate(*it);
  try_again(it->second);
  ++snapshot_.lost_workers;
  const auto held = std::move(it->second.held);
  workers_.erase(it);
  held_ -= held.size();
  for (const Held& item : held) {
    Task& task = state(item.task);
    task.suspect = true;
    // Of several it is not known which one was running: none is charged, and each runs alone next time.
    if (held.size() == 1 && ++task.lost_workers >= options_.max_attempts) {
      Outcome outcome;
      outcome.attempt = item.attempt;
      outcome.kind = OutcomeKind::failed;
      outcome.error_kind = "worker";
      outcome.message =
          fmt::format("{} worker(s) were lost while running it, the last one was rank {}: {}", task.lost_workers, rank.value, reason);
      outcome.rank = rank.value;
      record(item.task, std::move(outcome), commands);
    } else {
      make_ready(item.task);
    }
  }
  reinstate_if_nobody_else(commands);
  fill(commands, now);
  return commands;
}

Commands Master::outcome(Rank rank, Outcome outcome, double now) {
  Commands commands;
  const auto it = workers_.find(rank);
  const auto held = it == workers_.end() ? std::nullopt : take(it->second, outcome.attempt, now);
  if (!held) {
    ++snapshot_.dropped_outcomes;
    return commands;
  }
  if (const task::StageKey& key = planned(held->task).spec.key; outcome.key != key)
    fail(ErrorKind::internal, "rank {}: attempt {} is of task {}, its outcome of {}", rank.value, outcome.attempt.value, key.hex(),
         outcome.key.hex());
  note_idle(*it);
  if (outcome.kind == OutcomeKind::done) measure(held->task, outcome.wall_seconds);
  reorder_if_due();
  if (task::is_of_environment(outcome)) {
    make_ready(held->task);
    end_run(StopReason::environment, true, commands);
  } else if (outcome.kind == OutcomeKind::failed) {
    take_failure(*it, held->task, std::move(outcome), commands);
  } else {
    take_success(*it, state(held->task).kind, commands);
    record(held->task, std::move(outcome), commands);
  }
  fill(commands, now);
  return commands;
}

Commands Master::returned(Rank rank, AttemptId attempt, double now) {
  Commands commands;
  const auto it = workers_.find(rank);
  if (it == workers_.end()) return commands;
  if (const auto held = take(it->second, attempt, now)) {
    make_ready(held->task);
    note_idle(*it);
  }
  fill(commands, now);
  return commands;
}

Commands Master::durable(std::uint64_t count, double now) {
  Commands commands;
  for (; synced_ < count && !unsynced_.empty(); ++synced_) {
    settle(unsynced_.front());
    unsynced_.pop_front();
  }
  fill(commands, now);
  return commands;
}

Commands Master::stop(double, StopReason reason) {
  Commands commands;
  end_run(reason, true, commands);
  return commands;
}

bool Master::finished() const { return held_ == 0 && unsynced_.empty() && (settled() || stop_reason_ != StopReason::none); }

task::Attempt Master::attempt(TaskId id, AttemptId attempt) const {
  task::Attempt result{attempt, planned(id).spec, {}};
  for (const TaskId parent : planned(id).parents) {
    const auto part = parts_.find(parent);
    result.inputs.push_back(part == parts_.end() ? task::PartFile{} : part->second);
  }
  return result;
}

void Master::make_ready(TaskId id) {
  Task& task = state(id);
  --(task.state == State::waiting ? counts(id).waiting : counts(id).running);
  ++counts(id).ready;
  task.state = State::ready;
  first_open_ = std::min(first_open_, task.order);
  if (probes_.contains(id))
    urgent_.push_back(id);
  else
    ready_.push(task.order);
}

void Master::record(TaskId id, Outcome outcome, Commands& commands) {
  Task& task = state(id);
  outcome.key = planned(id).spec.key;
  if (task.state == State::waiting) {  // a descendant of a failed task
    --counts(id).waiting;
    ++counts(id).running;
  }
  task.state = State::recorded;
  task.failed = outcome.kind == OutcomeKind::failed;
  if (outcome.part) parts_.insert_or_assign(id, *outcome.part);
  unsynced_.push_back(id);
  const std::string message = outcome.message;
  const bool own_failure = task.failed && outcome.error_kind != "parent";
  commands.emplace_back(Record{id, std::move(outcome)});
  take_probe_result(id, task.failed, commands);
  if (!own_failure) return;
  ++failures_;
  fail_descendants(id, message, commands);
  if (options_.fail_fast)
    end_run(StopReason::failures, true, commands);
  else if (options_.max_failures && failures_ >= *options_.max_failures)
    end_run(StopReason::failures, false, commands);
}

void Master::fail_descendants(TaskId ancestor, const std::string& message, Commands& commands) {
  const task::TaskSpec& spec = planned(ancestor).spec;
  Outcome outcome;
  outcome.kind = OutcomeKind::failed;
  outcome.error_kind = "parent";
  outcome.message = fmt::format("parent {} {} failed: {}", spec.kind, spec.key.hex(), message);
  std::vector<TaskId> open{ancestor};
  while (!open.empty()) {
    const TaskId id = open.back();
    open.pop_back();
    for (const TaskId child : children(id)) {
      if (state(child).state != State::waiting) continue;
      record(child, outcome, commands);
      open.push_back(child);
    }
  }
}

void Master::settle(TaskId id) {
  Task& task = state(id);
  KindCounts& kind = counts(id);
  task.state = State::settled;
  ++settled_;
  --kind.running;
  ++(task.failed ? kind.failed : kind.done);
  --unsettled_[task.group];
  if (task.failed) return;
  for (const TaskId child : children(id))  // one that an earlier run finished may have a parent that had to run again
    if (--state(child).open_parents == 0 && state(child).state == State::waiting) make_ready(child);
}

void Master::end_run(StopReason reason, bool ask_workers, Commands& commands) {
  if (stop_reason_ != StopReason::requested) stop_reason_ = reason;
  release_all(commands);
  if (!ask_workers) return;
  asked_to_stop_ = true;
  for (const auto& [rank, worker] : workers_) commands.emplace_back(AskStop{rank});
}

}  // namespace espalier::dispatch
