#include "farm/master_loop.hpp"

#include <algorithm>
#include <csignal>
#include <thread>

#include "espalier/base/log.hpp"
#include "espalier/farm/stop.hpp"
#include "espalier/task/codec.hpp"

namespace espalier::farm {

using base::ErrorKind;
using base::fail;
using base::Rank;
using base::Seconds;
using dispatch::StopReason;

namespace {

constexpr Seconds idle_wait{0.05};  // how soon a stop request is seen
constexpr double tick_seconds = 0.1;
// Before the deadline, for stages that are stopped and for writing results.h5.
constexpr double most_reserve_seconds = 30;
constexpr double reserve_share = 0.1;
constexpr int burst_size = 256;                   // messages before looking at the disk again
constexpr std::uint64_t most_uncommitted = 8192;  // a slow disk must not fill the memory with outcomes

dispatch::MasterOptions master_options(const RunOptions& options) {
  dispatch::MasterOptions result;
  if (options.max_failures > 0) result.max_failures = options.max_failures;
  result.fail_fast = options.fail_fast;
  result.max_attempts = options.max_attempts;
  result.costs = options.costs;
  if (options.deadline) {
    const double left = *options.deadline - base::unix_time();
    result.deadline = left - std::min(most_reserve_seconds, reserve_share * left);
  }
  return result;
}

}  // namespace

MasterLoop::MasterLoop(wire::Link& link, const task::TaskGraph& graph, std::span<const dispatch::FinishedTask> finished, Ledger& ledger,
                       const RunOptions& options)
    : link_(link),
      graph_(graph),
      options_(options),
      master_(graph, finished, master_options(options)),
      committer_(ledger),
      progress_(options.progress, options.plain_interval_seconds) {
  for (int rank = 1; rank < link.size(); ++rank) members_.try_emplace(Rank{rank});
}

double MasterLoop::now() const { return Seconds(std::chrono::steady_clock::now() - start_).count(); }

RunResult MasterLoop::run() {
  try {
    apply(master_.start(now()));
    work();
  } catch (const base::Error& e) {
    set_error(e);
  } catch (const std::exception& e) {
    set_error(base::Error(ErrorKind::internal, e.what()));
  }
  say_goodbye();
  progress_.finish(master_.snapshot(), now(), [this] { return master_.remaining_seconds(now()); });
  result_.counts = master_.snapshot();
  result_.settled = master_.settled();
  result_.wall_seconds = now();
  double busy = 0, present = 0;
  for (const auto& [rank, member] : members_)
    if (member.joined > 0) {
      busy += member.busy_seconds;
      present += result_.wall_seconds - member.joined;
    }
  result_.busy_share = present > 0 ? std::min(1.0, busy / present) : 0;
  return std::move(result_);
}

void MasterLoop::work() {
  while (!master_.finished()) {
    if (committer_.added() - committer_.durable() < most_uncommitted) {
      bool more = receive(committer_.idle() ? idle_wait : commit_wait);
      for (int i = 1; more && i < burst_size; ++i) more = receive(Seconds(0));
    } else {
      std::this_thread::sleep_for(commit_wait);
    }
    check_disk();
    check_stop();
    if (stop_deadline_ > 0 && now() > stop_deadline_) return;
    if (now() >= next_tick_) {
      next_tick_ = now() + tick_seconds;
      apply(master_.tick(now()));
      check_members();
      look_for_workers();
    }
    progress_.update(master_.snapshot(), now(), [this] { return master_.remaining_seconds(now()); });
  }
}

bool MasterLoop::receive(Seconds timeout) {
  const auto message = link_.receive(timeout);
  if (message) handle(*message);
  return message.has_value();
}

void MasterLoop::handle(const wire::Message& message) {
  const Rank rank = message.from;
  Member& member = members_.at(rank);
  member.heard = awake_;
  if (member.state == WorkerState::lost) return;  // was only silent; its tasks are with others, and it will leave as we are silent to it
  switch (static_cast<Tag>(message.tag)) {
    case Tag::hello:
      handle_hello(rank, decode_hello(message.bytes));
      return;
    case Tag::outcome:
      handle_outcome(rank, task::decode_outcome(message.bytes));
      return;
    case Tag::returned:
      apply(master_.returned(rank, decode_attempt_id(message.bytes), now()));
      return;
    case Tag::retire:
      apply(master_.retire_worker(rank, now()));
      return;
    case Tag::bye:
      member.state = WorkerState::gone;
      return;
    case Tag::alive:
      return;
    default:
      fail(ErrorKind::internal, "message with tag {} from rank {}", message.tag, rank.value);
  }
}

void MasterLoop::handle_outcome(Rank rank, task::Outcome outcome) {
  members_[rank].busy_seconds += outcome.wall_seconds;
  const std::string reason = task::is_of_environment(outcome) ? fmt::format("{}: {}", members_[rank].name, outcome.message) : "";
  apply(master_.outcome(rank, std::move(outcome), now()));
  if (!reason.empty() && master_.stop_reason() == StopReason::environment) set_error(base::Error(ErrorKind::io, reason));
}

void MasterLoop::check_disk() {
  apply(master_.durable(committer_.durable(), now()));
  committer_.check();
}

void MasterLoop::check_stop() {
  if (stop_seen_ || !stop_requested()) return;
  stop_seen_ = true;
  progress_.end_line();
  base::log_info("stopping: no more work is given out, running stages are asked to end");
  apply(master_.stop(now()));
}

void MasterLoop::apply(dispatch::Commands commands) {
  for (dispatch::Command& command : commands) std::visit([&](auto& c) { carry_out(c); }, command);
}

void MasterLoop::carry_out(const dispatch::Assign& command) {
  task::Attempt attempt = master_.attempt(command.task, command.attempt);
  attempt.limits = options_.limits;
  send(command.worker, Tag::assign, task::encode(attempt));
}

void MasterLoop::carry_out(const dispatch::Cancel& command) { send(command.worker, Tag::cancel, encode(command.attempt)); }

void MasterLoop::carry_out(const dispatch::AskStop& command) {
  // mpirun leaves 1 to 2 s between SIGTERM and SIGKILL, and the records must be synced by then.
  const bool in_a_hurry = stop_signal() == SIGTERM || stop_signal() == SIGHUP;
  const double deadline = now() + options_.stop_grace_seconds * (in_a_hurry ? 0.2 : 1);
  stop_deadline_ = stop_deadline_ > 0 ? std::min(stop_deadline_, deadline) : deadline;
  send(command.worker, Tag::stop, "");
}

void MasterLoop::carry_out(dispatch::Record& command) {
  const task::Outcome& outcome = command.outcome;
  if (outcome.kind == task::OutcomeKind::failed)
    result_.failures.push_back({outcome.key, graph_.tasks[command.task.value].spec.kind, outcome.error_kind, outcome.message});
  committer_.add(std::move(command.outcome));
}

void MasterLoop::send(Rank to, Tag tag, std::string bytes) {
  members_.at(to).sent = now();
  link_.send(to, static_cast<int>(tag), std::move(bytes));
}

void MasterLoop::set_error(const base::Error& error) {
  if (!result_.error) result_.error = error;
}

}  // namespace espalier::farm
