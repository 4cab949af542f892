#include "espalier/base/clock.hpp"

#include <charconv>
#include <cmath>
#include <ctime>
#include <string_view>

#include "espalier/base/error.hpp"

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

double unix_time_from(const std::string& text, double now) {
  const bool absolute = text.starts_with('@');
  const char* const begin = text.data() + (absolute ? 1 : 0);
  const char* const end = text.data() + text.size();
  double number = 0;
  const auto [rest, error] = std::from_chars(begin, end, number);
  if (error == std::errc() && rest == end && number >= 0 && std::isfinite(number)) return absolute ? number : now + number;
  std::tm moment{};
  moment.tm_isdst = -1;
  const char* const behind = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &moment);
  if (behind != nullptr && *behind == '\0') return static_cast<double>(mktime(&moment));
  if (behind != nullptr && std::string_view(behind) == "Z") return static_cast<double>(timegm(&moment));
  fail(ErrorKind::configuration, "expected seconds, @UNIX_TIME or a time as 2026-11-21T18:30:00 or 2026-11-21T17:30:00Z, found '{}'", text);
}

std::string iso_time(double unix_seconds) {
  const auto seconds = static_cast<std::time_t>(unix_seconds);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

}  // namespace espalier::base
