#include "espalier/farm/stop.hpp"

#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <ctime>

namespace espalier::farm {

namespace {

constexpr std::array stop_signals{SIGINT, SIGTERM, SIGUSR1, SIGHUP};
constexpr int requested_by_call = -1;

// Lock-free, so a signal handler may touch it.
std::atomic<int> requested_by{0};
static_assert(std::atomic<int>::is_always_lock_free);

// One request may arrive twice, as when a terminal and a launcher both pass it on. What comes later than this is another one.
constexpr std::int64_t one_request_milliseconds = 300;
std::atomic<std::int64_t> requested_at{0};
static_assert(std::atomic<std::int64_t>::is_always_lock_free);

std::int64_t milliseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return 1000 * std::int64_t{now.tv_sec} + now.tv_nsec / 1000000;
}

/// Only async-signal-safe calls here.
void on_signal(int signal) {
  int nobody = 0;
  if (requested_by.compare_exchange_strong(nobody, signal))
    requested_at = milliseconds();
  else if (nobody != requested_by_call && milliseconds() - requested_at > one_request_milliseconds)
    ::_exit(128 + signal);
}

std::array<struct sigaction, stop_signals.size()> old_actions;
struct sigaction old_pipe_action;

}  // namespace

StopSignals::StopSignals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;  // files are written on while the request is pending
  for (std::size_t i = 0; i < stop_signals.size(); ++i) {
    ::sigaction(stop_signals[i], nullptr, &old_actions[i]);
    const bool nohup = stop_signals[i] == SIGHUP && old_actions[i].sa_handler == SIG_IGN;
    if (!nohup) ::sigaction(stop_signals[i], &action, nullptr);
  }
  action.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &action, &old_pipe_action);
}

StopSignals::~StopSignals() {
  for (std::size_t i = 0; i < stop_signals.size(); ++i) ::sigaction(stop_signals[i], &old_actions[i], nullptr);
  ::sigaction(SIGPIPE, &old_pipe_action, nullptr);
}

bool stop_requested() { return requested_by.load() != 0; }

int stop_signal() {
  const int by = requested_by.load();
  return by == requested_by_call ? 0 : by;
}

void request_stop() {
  int nobody = 0;
  requested_by.compare_exchange_strong(nobody, requested_by_call);
}

void clear_stop_request() { requested_by.store(0); }

}  // namespace espalier::farm
