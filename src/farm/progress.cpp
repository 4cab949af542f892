#include "farm/progress.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace espalier::farm {

using dispatch::KindCounts;
using dispatch::Snapshot;

namespace {

constexpr double line_interval = 0.2;

std::string format_rate(double per_second) {
  if (per_second >= 1) return fmt::format("{:.1f}/s", per_second);
  if (per_second * 60 >= 1) return fmt::format("{:.1f}/min", per_second * 60);
  return fmt::format("{:.1f}/h", per_second * 3600);
}

/// Columns of the terminal; a longer line could not be overwritten.
std::size_t terminal_width() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col - 1 : 79;
}

/// Whether anybody reads it does not matter to the run.
void say(const std::string& text) {
  [[maybe_unused]] const std::size_t written = std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

ProgressStyle resolve(ProgressStyle style) {
  if (style != ProgressStyle::automatic) return style;
  return ::isatty(STDERR_FILENO) ? ProgressStyle::line : ProgressStyle::plain;
}

}  // namespace

std::string format_duration(double seconds) {
  const auto total = static_cast<long long>(seconds > 0 ? std::llround(std::min(seconds, 1e11)) : 0);
  const long long days = total / 86400;
  const auto clock = [&](long long hours) { return fmt::format("{}:{:02}:{:02}", hours, total / 60 % 60, total % 60); };
  return days >= 2 ? fmt::format("{} d {}", days, clock(total / 3600 % 24)) : clock(total / 3600);
}

std::string progress_line(const Snapshot& snapshot, double remaining_seconds, double elapsed_seconds) {
  std::string kinds;
  KindCounts sum;
  for (const KindCounts& kind : snapshot.kinds) {
    const std::size_t settled = kind.finished_before + kind.done + kind.failed;
    kinds += fmt::format("{}{} {}/{}", kinds.empty() ? "" : ", ", kind.kind, settled, kind.total);
    sum.done += kind.done;
    sum.failed += kind.failed;
    sum.running += kind.running;
    sum.total += kind.total - settled;
  }
  const double rate = elapsed_seconds > 0 ? static_cast<double>(sum.done + sum.failed) / elapsed_seconds : 0;
  const std::string eta = sum.total == 0 ? "done" : "ETA " + format_duration(remaining_seconds);
  return fmt::format("{} | {} running, {} failed | {} | {}", kinds, sum.running, sum.failed, format_rate(rate), eta);
}

Progress::Progress(ProgressStyle style, double plain_interval_seconds)
    : style_(resolve(style)),
      interval_(style_ == ProgressStyle::line ? line_interval : plain_interval_seconds),
      next_(style_ == ProgressStyle::line ? 0 : plain_interval_seconds) {}

Progress::~Progress() { end_line(); }

void Progress::update(const Snapshot& snapshot, double now, const std::function<double()>& remaining_seconds) {
  if (style_ == ProgressStyle::none || now < next_) return;
  next_ = now + interval_;
  const std::string line = progress_line(snapshot, remaining_seconds(), now);
  if (style_ == ProgressStyle::line) {
    line_open_ = true;
    say(fmt::format("\r{}\033[K", line.substr(0, terminal_width())));
  } else {
    say(fmt::format("{}  {}\n", format_duration(now), line));
  }
}

void Progress::finish(const Snapshot& snapshot, double now, const std::function<double()>& remaining_seconds) {
  if (style_ != ProgressStyle::line) return;
  next_ = 0;
  update(snapshot, now, remaining_seconds);
  end_line();
}

void Progress::end_line() {
  if (line_open_) say("\n");
  line_open_ = false;
  if (style_ == ProgressStyle::line) next_ = 0;
}

}  // namespace espalier::farm
