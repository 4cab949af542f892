#include "espalier/base/clock.hpp"

#include <charconv>
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

bool same_fields(const std::tm& a, const std::tm& b) {
  return a.tm_year == b.tm_year && a.tm_mon == b.tm_mon && a.tm_mday == b.tm_mday && a.tm_hour == b.tm_hour && a.tm_min == b.tm_min &&
         a.tm_sec == b.tm_sec;
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
  constexpr double year_10000 = 253402300800;  // the end of what iso_time can write
  if (error == std::errc() && rest == end && number >= 0 && (absolute ? number : now + number) < year_10000)
    return absolute ? number : now + number;
  std::tm given{};
  given.tm_isdst = -1;
  const char* const behind = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &given);
  const bool utc = behind != nullptr && std::string_view(behind) == "Z";
  if (behind == nullptr || (*behind != '\0' && !utc))
    fail(ErrorKind::configuration, "expected seconds, @UNIX_TIME or a time as 2026-11-21T18:30:00 or 2026-11-21T17:30:00Z, found '{}'",
         text);
  std::tm moment = given;
  const std::time_t seconds = utc ? timegm(&moment) : mktime(&moment);
  if (!same_fields(given, moment))  // 30 February became 2 March; in the hour that summer time leaves out, too
    fail(ErrorKind::configuration, "expected a date and time that exist, found '{}'", text);
  return static_cast<double>(seconds);
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
