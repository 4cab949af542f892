// Who gets what: idle workers first, then small tasks in advance.
#include <algorithm>

#include "espalier/dispatch/master.hpp"

namespace espalier::dispatch {

using base::AttemptId;
using base::TaskId;

void Master::fill(Commands& commands, double now) {
  if (stop_reason_ != StopReason::none) return;
  while (!idle_.empty() && !ready_.empty()) assign_next(*workers_.find(*idle_.begin()), commands, now);
  // Round after round, one task for each worker, so that the last small tasks spread evenly.
  for (bool progress = true; progress && !ready_.empty();) {
    progress = false;
    for (auto& worker : workers_) {
      if (!may_prefetch(worker.second)) continue;
      assign_next(worker, commands, now);
      progress = true;
    }
  }
}

void Master::assign_next(Workers::value_type& entry, Commands& commands, double now) {
  auto& [rank, worker] = entry;
  const TaskId id = by_order_[ready_.top()];
  ready_.pop();
  const Held held{id, AttemptId{next_attempt_++}, estimate(id)};
  state(id).state = State::assigned;
  --counts(id).ready;
  ++counts(id).running;
  if (worker.held.empty()) worker.head_since = now;
  worker.held.push_back(held);
  worker.held_seconds += held.seconds;
  idle_.erase(rank);
  ++held_;
  commands.emplace_back(Assign{rank, id, held.attempt});
}

bool Master::may_prefetch(const Worker& worker) const {
  if (!worker.active || worker.held.empty() || worker.overrun || ready_.empty()) return false;
  // The last tasks are shared out rather than hoarded.
  const std::size_t share = (held_ + ready_.size() + active_workers_ - 1) / active_workers_;
  const std::size_t most = std::min(options_.prefetch, share);
  const TaskId next = by_order_[ready_.top()];
  return worker.held.size() < most && small(worker.held.front().task) && small(next) &&
         worker.held_seconds + estimate(next) <= options_.prefetch_seconds;
}

bool Master::small(TaskId id) const { return !state(id).suspect && estimate(id) <= options_.prefetch_seconds; }

double Master::estimate(TaskId id) const { return planned(id).expected_seconds * snapshot_.kinds[state(id).kind].scale(); }

std::optional<Master::Held> Master::take(Worker& worker, AttemptId attempt, double now) {
  const auto it = std::find_if(worker.held.begin(), worker.held.end(), [&](const Held& h) { return h.attempt == attempt; });
  if (it == worker.held.end()) return std::nullopt;
  const Held held = *it;
  if (it == worker.held.begin()) {
    worker.head_since = now;
    worker.overrun = false;
  }
  worker.held.erase(it);
  worker.held_seconds = worker.held.empty() ? 0 : worker.held_seconds - held.seconds;
  --held_;
  return held;
}

void Master::note_idle(Workers::value_type& entry) {
  if (entry.second.active && entry.second.held.empty()) idle_.insert(entry.first);
}

Commands Master::tick(double now) {
  Commands commands;
  for (auto& [rank, worker] : workers_) {
    if (worker.held.empty() || now - worker.head_since <= options_.take_back_seconds) continue;
    worker.overrun = true;
    while (worker.held.size() > 1) {
      const Held held = worker.held.back();
      take(worker, held.attempt, now);
      make_ready(held.task);
      commands.emplace_back(Cancel{rank, held.attempt});
    }
  }
  fill(commands, now);
  return commands;
}

}  // namespace espalier::dispatch
