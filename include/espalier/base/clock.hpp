// Wall and CPU time, in seconds.
#pragma once
#include <chrono>
#include <string>

namespace espalier::base {

using Seconds = std::chrono::duration<double>;

/// CPU time used so far by the calling thread / the whole process.
Seconds thread_cpu_time();
Seconds process_cpu_time();

/// Measures from its construction.
class Stopwatch {
 public:
  Stopwatch() : wall_(std::chrono::steady_clock::now()), cpu_(process_cpu_time()) {}
  double wall_seconds() const { return Seconds(std::chrono::steady_clock::now() - wall_).count(); }
  double cpu_seconds() const { return (process_cpu_time() - cpu_).count(); }

 private:
  std::chrono::steady_clock::time_point wall_;
  Seconds cpu_;
};

/// Seconds since 1970-01-01 UTC.
double unix_time();
/// A moment as a person gives it: "90" (seconds from `now`), "@1795272000" (Unix time), "2026-11-21T18:30:00" (local time; with Z: UTC).
/// Throws Error(configuration), also for a day or hour that the calendar does not have.
double unix_time_from(const std::string& text, double now);
/// "2026-11-21T09:39:15Z"
std::string iso_time(double unix_seconds);

}  // namespace espalier::base
