#include "sandbox/report.hpp"

#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstring>

namespace espalier::sandbox {

namespace {

std::string signal_text(int signal) { return fmt::format("signal {} ({})", signal, ::strsignal(signal)); }

std::string memory_text(const Ended& ended, const task::ResourceLimits& limits) {
  const std::string limit = limits.memory_mib > 0 ? fmt::format("the limit is {:g} MiB", limits.memory_mib) : "there is no limit";
  return fmt::format("{:.0f} MiB were resident at most, {} more than it started with; {}", ended.peak_memory_mib,
                     std::lround(std::max(0.0, ended.peak_memory_mib - ended.start_memory_mib)), limit);
}

/// It reached nine tenths of its address space: what ended it was most likely an allocation of C code that nobody checked.
bool near_memory_limit(const Ended& ended, const task::ResourceLimits& limits) {
  return limits.memory_mib > 0 && ended.peak_memory_mib - ended.start_memory_mib >= 0.9 * limits.memory_mib;
}

/// The kernel sends SIGKILL at the hard limit, and SIGXCPU to a child that has put the handler away.
bool out_of_cpu(const Ended& ended, const task::ResourceLimits& limits, int signal) {
  return limits.cpu_seconds > 0 && (signal == SIGXCPU || signal == SIGKILL) && ended.cpu_seconds >= limits.cpu_seconds;
}

void conclude_signal(const Ended& ended, const task::ResourceLimits& limits, int signal, Report& report) {
  if (out_of_cpu(ended, limits, signal)) {
    report.end = End::cpu;
    report.message =
        fmt::format("killed after {:.1f} s of CPU time: it had not ended at its limit of {:g} s", ended.cpu_seconds, limits.cpu_seconds);
  } else if (signal == SIGKILL && ended.system_out_of_memory) {
    report.end = End::memory;
    report.message = "killed by the system, which had no memory left: " + memory_text(ended, limits);
  } else if (near_memory_limit(ended, limits)) {
    report.end = End::memory;
    report.message = fmt::format("ended by {} near its limit of memory: {}", signal_text(signal), memory_text(ended, limits));
  } else {
    report.end = End::crashed;
    report.message = "ended by " + signal_text(signal);
    if (signal == SIGKILL) report.message += ", which espalier did not send";
  }
}

}  // namespace

Report conclude(const Ended& ended, Said said, const task::ResourceLimits& limits, const std::filesystem::path& log) {
  Report report{.partial = std::move(said.partial),
                .wall_seconds = ended.wall_seconds,
                .cpu_seconds = ended.cpu_seconds,
                .peak_memory_mib = ended.peak_memory_mib};
  if (ended.has_log) report.log = log;
  if (ended.fork_error != 0) {
    report.end = End::refused;
    report.message = fmt::format("the system refused a process: {}", std::strerror(ended.fork_error));
  } else if (!said.failure.empty()) {
    report.end = End::crashed;
    report.message = said.failure;
  } else if (said.result) {
    report.end = End::finished;
    report.result = std::move(*said.result);
  } else if (said.exhausted) {
    report.end = End::memory;
    report.message = "an allocation failed: " + memory_text(ended, limits);
  } else if (ended.killed == Killed::stop) {
    report.end = End::stopped;
    report.message = "killed because it did not end after it was asked to stop";
  } else if (ended.killed == Killed::time) {
    report.end = End::time;
    report.message = fmt::format("killed {:.1f} s after its time limit of {:g} s: it had not ended",
                                 ended.wall_seconds - limits.wall_seconds, limits.wall_seconds);
  } else if (WIFSIGNALED(ended.wait_status)) {
    conclude_signal(ended, limits, WTERMSIG(ended.wait_status), report);
  } else {
    report.end = End::crashed;
    report.message = fmt::format("ended with exit code {} and without a result", WEXITSTATUS(ended.wait_status));
  }
  return report;
}

}  // namespace espalier::sandbox
