#include "espalier/farm/stop.hpp"

#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <ctime>

namespace espalier::farm {

namespace {

constexpr std::array kSignals{SIGINT, SIGTERM, SIGUSR1, SIGHUP};
constexpr int kByCall = -1;

// Lock-free, so a signal handler may touch it.
std::atomic<int> requested_by{0};
static_assert(std::atomic<int>::is_always_lock_free);

// One request may arrive twice, as when a terminal and a launcher both pass it on. What comes later than this is another one.
constexpr std::int64_t kOneRequestMilliseconds = 300;
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
  else if (nobody != kByCall && milliseconds() - requested_at > kOneRequestMilliseconds)
    ::_exit(128 + signal);
}

std::array<struct sigaction, kSignals.size()> old_actions;
struct sigaction old_pipe_action;

}  // namespace

StopSignals::StopSignals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;  // files are written on while the request is pending
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    ::sigaction(kSignals[i], nullptr, &old_actions[i]);
    const bool nohup = kSignals[i] == SIGHUP && old_actions[i].sa_handler == SIG_IGN;
    if (!nohup) ::sigaction(kSignals[i], &action, nullptr);
  }
  action.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &action, &old_pipe_action);
}

StopSignals::~StopSignals() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &old_actions[i], nullptr);
  ::sigaction(SIGPIPE, &old_pipe_action, nullptr);
}

bool stop_requested() { return requested_by.load() != 0; }

int stop_signal() {
  const int by = requested_by.load();
  return by == kByCall ? 0 : by;
}

void request_stop() {
  int nobody = 0;
  requested_by.compare_exchange_strong(nobody, kByCall);
}

void clear_stop_request() { requested_by.store(0); }

}  // namespace espalier::farm
