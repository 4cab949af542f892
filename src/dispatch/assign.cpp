// Who gets what: idle workers first, then small tasks in advance.
#include <algorithm>

#include "espalier/dispatch/master.hpp"

namespace espalier::dispatch {

namespace {

constexpr double review_seconds = 1;

}  // namespace

using base::AttemptId;
using base::TaskId;

void Master::fill(Commands& commands, double now) {
  if (stop_reason_ != StopReason::none) return;
  while (!idle_.empty() && anything_fits(now)) assign_next(*workers_.find(*idle_.begin()), commands, now);
  // Round after round, one task for each worker, so that the last small tasks spread evenly.
  for (bool progress = true; progress && !ready_.empty();) {
    progress = false;
    for (auto& worker : workers_) {
      if (!may_prefetch(worker.second, now)) continue;
      assign_next(worker, commands, now);
      progress = true;
    }
  }
  // Nothing is left that could show whether failures were the workers' fault.
  if (held_ == 0 && unsynced_.empty() && ready_.empty() && urgent_.empty() && too_long_.empty()) release_all(commands);
}

void Master::assign_next(Workers::value_type& entry, Commands& commands, double now) {
  auto& [rank, worker] = entry;
  TaskId id;
  if (urgent_.empty()) {
    id = by_order_[ready_.top()];
    ready_.pop();
  } else {
    id = urgent_.front();
    urgent_.pop_front();
  }
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

bool Master::may_prefetch(const Worker& worker, double now) {
  if (!worker.active || worker.on_probation || !urgent_.empty() || worker.held.empty() || worker.overrun ||
      !anything_fits(now, worker.held_seconds))
    return false;
  // The last tasks are shared out rather than hoarded.
  const std::size_t share = (held_ + ready_.size() + active_workers_ - 1) / active_workers_;
  const std::size_t most = std::min(options_.prefetch, share);
  const TaskId next = by_order_[ready_.top()];
  return worker.held.size() < most && small(worker.held.front().task) && small(next) &&
         worker.held_seconds + estimate(next) <= options_.prefetch_seconds;
}

bool Master::small(TaskId id) const { return !state(id).suspect && estimate(id) <= options_.prefetch_seconds; }

double Master::estimate(TaskId id) const { return std::min(costs_.estimate(state(id).group), planned(id).most_seconds); }

/// The next ready task, the first in the order of priorities that can end before the deadline, is in front of urgent_, or on top of ready_.
bool Master::anything_fits(double now, double queued_seconds) {
  while (!urgent_.empty() && now + queued_seconds + estimate(urgent_.front()) > options_.deadline) {
    too_long_.push_back(state(urgent_.front()).order);
    urgent_.pop_front();
  }
  if (!urgent_.empty()) return true;
  while (!ready_.empty() && now + queued_seconds + estimate(by_order_[ready_.top()]) > options_.deadline) {
    too_long_.push_back(ready_.top());
    ready_.pop();
  }
  return !ready_.empty();
}

void Master::check_deadline(Commands& commands, double now) {
  if (now >= options_.deadline && !asked_to_stop_)
    return end_run(stop_reason_ == StopReason::none ? StopReason::deadline : stop_reason_, true, commands);
  if (too_long_.empty() || idle_.empty() || now < next_review_ || stop_reason_ != StopReason::none) return;
  next_review_ = now + review_seconds;
  for (const std::uint32_t place : too_long_) ready_.push(place);  // what is known of their kinds may have changed
  too_long_.clear();
  fill(commands, now);
  if (held_ == 0 && unsynced_.empty() && ready_.empty() && !too_long_.empty()) end_run(StopReason::deadline, false, commands);
}

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

double Master::remaining_seconds(double now) {
  double total = 0, longest = 0;
  for (std::uint32_t group = 0; group < unsettled_.size(); ++group)
    if (unsettled_[group] > 0) total += unsettled_[group] * costs_.estimate(group);
  for (const auto& [rank, worker] : workers_) {
    if (worker.held.empty()) continue;
    const TaskId running = worker.held.front().task;
    const double expected = estimate(running), spent = std::max(0.0, now - worker.head_since);
    const double left =
        spent <= expected ? expected - spent : std::max(0.0, std::min(spent - expected, planned(running).most_seconds - spent));
    total += left - expected;
    longest = std::max(longest, std::max(0.0, paths_[running.value] - expected) + left);
  }
  const auto is_open = [&](TaskId id) { return state(id).state == State::waiting || state(id).state == State::ready; };
  while (first_open_ < by_order_.size() && !is_open(by_order_[first_open_])) ++first_open_;
  if (first_open_ < by_order_.size()) longest = std::max(longest, paths_[by_order_[first_open_].value]);
  return task::makespan(std::max(0.0, total), longest, active_workers_);
}

void Master::note_idle(Workers::value_type& entry) {
  if (entry.second.active && !entry.second.on_probation && entry.second.held.empty()) idle_.insert(entry.first);
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
  check_deadline(commands, now);
  return commands;
}

}  // namespace espalier::dispatch
