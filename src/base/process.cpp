#include "espalier/base/process.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "espalier/base/build_info.hpp"
#include "espalier/base/error.hpp"

namespace espalier::base {

namespace {

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// Empty where /proc does not tell: nothing is then known of any process.
std::string this_place() {
  std::error_code none;
  const std::string boot = first_line("/proc/sys/kernel/random/boot_id");
  const std::string pids = std::filesystem::read_symlink("/proc/self/ns/pid", none).string();
  if (boot.empty() || pids.empty()) return "";
  return fmt::format("{},{},{}", host_name(), boot, pids);
}

template <class Number>
Number number_from(std::string_view text, std::string_view whole) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size())
    fail(ErrorKind::data, "process: expected 'PID TICKS PLACE', found '{}'", whole);
  return number;
}

}  // namespace

double memory_bytes() {
  const double machine = static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE));
  double allowed = machine;
  for (const char* file : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {  // versions 2 and 1
    const std::string text = first_line(file);
    double bytes = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bytes);
    if (error == std::errc() && end == text.data() + text.size() && bytes > 0) allowed = std::min(allowed, bytes);  // "max" is none
  }
  return allowed;
}

std::uint64_t start_ticks_of(long pid) {
  const std::string stat = first_line("/proc/" + std::to_string(pid) + "/stat");
  const std::size_t name_end = stat.rfind(')');  // the second field, the program's name, may hold blanks and brackets
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(stat.substr(name_end + 1));
  std::string state, field;
  fields >> state;
  if (state == "Z" || state == "X") return 0;
  for (int i = 4; i <= 22; ++i) fields >> field;
  std::uint64_t ticks = 0;
  std::from_chars(field.data(), field.data() + field.size(), ticks);
  return ticks;
}

ProcessId this_process() { return {this_place(), ::getpid(), start_ticks_of(::getpid())}; }

Presence presence(const ProcessId& process) {
  static const std::string here = this_place();
  if (here.empty() || process.place != here || process.pid <= 0 || process.start_ticks == 0) return Presence::unknown;
  return start_ticks_of(process.pid) == process.start_ticks ? Presence::running : Presence::gone;
}

std::string to_text(const ProcessId& process) { return fmt::format("{} {} {}", process.pid, process.start_ticks, process.place); }

ProcessId process_from_text(std::string_view text) {
  const std::size_t first = text.find(' ');
  const std::size_t second = first == std::string_view::npos ? first : text.find(' ', first + 1);
  if (second == std::string_view::npos) fail(ErrorKind::data, "process: expected 'PID TICKS PLACE', found '{}'", text);
  return {std::string(text.substr(second + 1)), number_from<long>(text.substr(0, first), text),
          number_from<std::uint64_t>(text.substr(first + 1, second - first - 1), text)};
}

}  // namespace espalier::base
