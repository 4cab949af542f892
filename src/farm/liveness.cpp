#include "farm/liveness.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "farm/messages.hpp"

namespace espalier::farm {

namespace {

constexpr double longest_gap = 1;
constexpr double longest_beat = 2;
constexpr double start_factor = 10;

}  // namespace

double AwakeClock::look() {
  const auto now = std::chrono::steady_clock::now();
  awake_ += std::min(longest_gap, base::Seconds(now - last_).count());
  last_ = now;
  return awake_;
}

double beat_seconds(double silence_seconds) { return std::min(longest_beat, silence_seconds / 5); }

void MasterWatch::heard(const wire::Message& message) {
  heard_ = clock_.look();
  if (message.tag == static_cast<int>(Tag::welcome))
    master_ = base::process_from_text(message.bytes);
  else
    begun_ = true;
}

std::string MasterWatch::loss() {
  static const base::ProcessId self = base::this_process();
  if (master_ == self) return "";  // a run alone: master and worker live and die together
  const double now = clock_.look();
  if (now >= next_presence_) {
    next_presence_ = now + presence_seconds;
    if (base::presence(master_) == base::Presence::gone) return fmt::format("the master (process {}) is gone", master_.pid);
  }
  const double limit = begun_ ? silence_seconds_ : start_factor * silence_seconds_;
  return now - heard_ > limit ? fmt::format("the master has been silent for {:.0f} s", now - heard_) : "";
}

}  // namespace espalier::farm
