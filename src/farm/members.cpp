// Who is there: workers join, are lost, and are dismissed.
#include <signal.h>

#include <algorithm>
#include <map>
#include <thread>

#include "espalier/base/log.hpp"
#include "farm/master_loop.hpp"

namespace espalier::farm {

using base::ErrorKind;
using base::fail;
using base::Presence;
using base::Rank;
using base::Seconds;
using dispatch::StopReason;

namespace {

constexpr double goodbye_seconds = 2;
constexpr Seconds goodbye_look{0.1};
constexpr int last_messages = 1000;

}  // namespace

void MasterLoop::handle_hello(Rank rank, const Hello& hello) {
  std::string refusal = hello.refusal;
  if (hello.build != build_id()) refusal = fmt::format("its program is another build: expected '{}', found '{}'", build_id(), hello.build);
  if (!refusal.empty()) {
    refusal = fmt::format("rank {} on {} cannot work: {}", rank.value, hello.host, refusal);
    progress_.end_line();
    base::log_error("{}", refusal);
    refusals_[rank] = refusal;
    if (!hello.sees_directory) refusal_kind_ = ErrorKind::store;
    members_[rank].state = WorkerState::refused;
    send(rank, Tag::leave, "");
    return;
  }
  Member& member = members_[rank];
  member.state = WorkerState::working;
  member.joined = now();
  member.process = hello.process;
  member.name = fmt::format("rank {} (process {} on {})", rank.value, hello.process.pid, hello.host);
  ++result_.workers;
  apply(master_.add_worker(rank, now()));
}

/// Says that the master is there, and finds out who is not.
void MasterLoop::check_members() {
  awake_ = awake_clock_.look();
  const double beat = beat_seconds(options_.silence_seconds);
  for (auto& [rank, member] : members_)
    if (member.state == WorkerState::working && now() - member.sent > beat) send(rank, Tag::alive, "");
  if (now() < next_presence_) return;
  next_presence_ = now() + presence_seconds;
  std::map<Rank, std::string> losses;
  for (const auto& [rank, member] : members_)
    if (const std::string reason = loss(member); !reason.empty()) losses.emplace(rank, reason);
  if (losses.empty()) return;
  for (int i = 0; i < last_messages && receive(Seconds(0)); ++i) continue;  // outcomes that were on their way count
  for (const auto& [rank, reason] : losses)
    if (members_.at(rank).state == WorkerState::working) lose(rank, reason);
}

/// Why it must be taken for lost, empty if it must not.
std::string MasterLoop::loss(const Member& member) const {
  static const base::ProcessId self = base::this_process();
  if (member.state != WorkerState::working || member.process == self) return "";
  if (base::presence(member.process) == Presence::gone) return "its process is gone";
  const double silent = awake_ - member.heard;
  return silent > options_.silence_seconds ? fmt::format("it has been silent for {:.0f} s", silent) : "";
}

void MasterLoop::lose(Rank rank, const std::string& reason) {
  Member& member = members_.at(rank);
  member.state = WorkerState::lost;
  ++result_.lost;
  link_.forget(rank);
  // A silent process of this machine is made sure of: stopped for ever, it would keep mpirun waiting for ever.
  if (base::presence(member.process) == Presence::running) ::kill(static_cast<pid_t>(member.process.pid), SIGKILL);
  progress_.end_line();
  base::log_warning("{} is lost: {}; what it was running is given to others", member.name, reason);
  apply(master_.lose_worker(rank, fmt::format("{}: {}", member.name, reason), now()));
}

void MasterLoop::carry_out(const dispatch::Quarantine& command) {
  progress_.end_line();
  base::log_warning("{} is quarantined: its last {} tasks failed, and another worker did one of them; what it failed is given to others",
                    members_.at(command.worker).name, command.failures);
}

/// Somebody must be there, or still expected, to do what is left.
void MasterLoop::look_for_workers() {
  if (master_.active_workers() > 0 || master_.settled() || master_.stop_reason() != StopReason::none) return;
  const bool silent = std::any_of(members_.begin(), members_.end(), [](const auto& m) { return m.second.state == WorkerState::silent; });
  if (silent && now() < options_.hello_seconds) return;
  if (result_.workers > 0) {  // all of them were lost, or asked to stop
    apply(master_.stop(now(), result_.lost > 0 ? StopReason::no_workers : StopReason::requested));
    return;
  }
  std::string reasons;
  for (const auto& [rank, refusal] : refusals_) reasons += "\n  " + refusal;
  if (silent) reasons += fmt::format("\n  ranks were silent for {} s", options_.hello_seconds);
  fail(refusal_kind_, "no worker can start:{}", reasons);
}

/// Dismisses everybody and takes what still arrives. Ranks that have not said hello read their dismissal when they do.
void MasterLoop::say_goodbye() {
  result_.stopped = master_.stop_reason();
  try {
    if (result_.error) apply(master_.stop(now()));  // what still arrives must not cause more work
    for (int rank = 1; rank < link_.size(); ++rank)
      if (members_.at(Rank{rank}).state != WorkerState::refused) send(Rank{rank}, Tag::leave, "");
    const bool stopped_late = stop_deadline_ > 0 && now() > stop_deadline_;
    wait_for_goodbyes(now() + (result_.error ? options_.stop_grace_seconds : stopped_late ? 0.2 : goodbye_seconds));
    while (!committer_.idle()) std::this_thread::sleep_for(commit_wait);
    check_disk();
  } catch (const base::Error& e) {
    set_error(e);
  } catch (const std::exception& e) {
    set_error(base::Error(ErrorKind::internal, e.what()));
  }
  result_.left_behind = std::any_of(members_.begin(), members_.end(), [](const auto& m) { return m.second.state == WorkerState::working; });
}

void MasterLoop::wait_for_goodbyes(double until) {
  const auto expected = [&] {
    return std::any_of(members_.begin(), members_.end(),
                       [](const auto& m) { return m.second.state == WorkerState::working || m.second.state == WorkerState::refused; });
  };
  while (expected() && now() < until) {
    receive(std::min(goodbye_look, Seconds(std::max(0.0, until - now()))));
    check_members();
  }
}

}  // namespace espalier::farm
