#include "espalier/base/clock.hpp"

#include <ctime>

namespace espalier::base {

namespace {
Seconds read(clockid_t id) {
  timespec t{};
  clock_gettime(id, &t);
  return Seconds(static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec));
}
}  // namespace

Seconds thread_cpu_time() { return read(CLOCK_THREAD_CPUTIME_ID); }
Seconds process_cpu_time() { return read(CLOCK_PROCESS_CPUTIME_ID); }
double unix_time() { return read(CLOCK_REALTIME).count(); }

std::string iso_time(double unix_seconds) {
  const auto seconds = static_cast<std::time_t>(unix_seconds);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

}  // namespace espalier::base
