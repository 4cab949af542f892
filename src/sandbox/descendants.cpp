#include "sandbox/descendants.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <thread>

#include "espalier/base/descriptor.hpp"

namespace espalier::sandbox {

namespace {

/// A file of /proc; empty if it cannot be read. (Streams and directories of the standard library cost more than the fork.)
std::string read_proc(const char* path) {
  const base::Descriptor file(::open(path, O_RDONLY | O_CLOEXEC));
  std::string text;
  std::array<char, 8192> bytes{};
  for (ssize_t got = 0; file && (got = ::read(file.get(), bytes.data(), bytes.size())) > 0;)
    text.append(bytes.data(), static_cast<std::size_t>(got));
  return text;
}

/// The parent's number stands behind the name, which is in parentheses and may contain anything.
pid_t parent_of(const std::string& pid) {
  const std::string stat = read_proc(("/proc/" + pid + "/stat").c_str());
  const std::size_t name_end = stat.rfind(')');
  int parent = 0;
  if (name_end != std::string::npos && std::sscanf(stat.c_str() + name_end + 1, " %*c %d", &parent) != 1) parent = 0;
  return parent;
}

std::array<unsigned long, 2> statm() {
  std::array<unsigned long, 2> pages{};
  std::sscanf(read_proc("/proc/self/statm").c_str(), "%lu %lu", &pages[0], &pages[1]);
  return pages;
}

unsigned long page_size() { return static_cast<unsigned long>(::sysconf(_SC_PAGESIZE)); }

void add_time(timeval& sum, const timeval& other) {
  sum.tv_sec += other.tv_sec;
  sum.tv_usec += other.tv_usec;
  if (sum.tv_usec >= 1'000'000) {
    sum.tv_usec -= 1'000'000;
    ++sum.tv_sec;
  }
}

}  // namespace

std::vector<pid_t> children_of_this_process() {
  std::vector<pid_t> children;
  std::error_code error;
  for (std::filesystem::directory_iterator it("/proc", error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.find_first_not_of("0123456789") == std::string::npos && parent_of(name) == ::getpid()) children.push_back(std::stoi(name));
  }
  return children;
}

void kill_all_children(rusage& usage) {
  using Clock = std::chrono::steady_clock;
  const auto give_up = Clock::now() + std::chrono::seconds(5);  // a process in an uninterruptible wait
  while (Clock::now() < give_up) {
    rusage one{};
    const pid_t reaped = ::wait4(-1, nullptr, WNOHANG, &one);
    if (reaped < 0 && errno == ECHILD) return;
    if (reaped > 0) {
      add_usage(usage, one);
      continue;
    }
    for (const pid_t child : children_of_this_process()) ::kill(child, SIGKILL);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void add_usage(rusage& sum, const rusage& other) {
  add_time(sum.ru_utime, other.ru_utime);
  add_time(sum.ru_stime, other.ru_stime);
  sum.ru_maxrss = std::max(sum.ru_maxrss, other.ru_maxrss);
}

long kernel_memory_kills() {
  const std::string counters = read_proc("/proc/vmstat");
  const std::size_t at = counters.find("\noom_kill ");
  return at == std::string::npos ? 0 : std::strtol(counters.c_str() + at + 10, nullptr, 10);
}

double resident_mib() { return static_cast<double>(statm()[1]) * static_cast<double>(page_size()) / (1 << 20); }
unsigned long address_space_bytes() { return statm()[0] * page_size(); }

}  // namespace espalier::sandbox
