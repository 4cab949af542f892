// Work that misbehaves in every way we could think of, chosen by the first word of the request.
#pragma once
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>

#include "espalier/base/clock.hpp"
#include "espalier/base/file.hpp"
#include "espalier/sandbox/sandbox.hpp"

namespace espalier::sandbox::test {

inline void pause_for(double seconds) { std::this_thread::sleep_for(base::Seconds(seconds)); }

[[noreturn]] inline void sleep_for_ever() {
  while (true) ::pause();
}

[[noreturn]] inline void spin_for_ever() {
  while (true) base::process_cpu_time();
}

inline void ignore_requests_to_stop() {
  for (const int signal : {SIGTERM, SIGUSR1, SIGXCPU, SIGINT}) ::signal(signal, SIG_IGN);
}

inline std::string wait_for_stop(const Inside& inside) {
  while (!inside.stop_requested()) pause_for(0.005);
  return "stopped: " + std::string(inside.limit_reached());
}

/// Memory that is really used; `get` returns null or throws when there is no more.
template <class Get>
[[noreturn]] void allocate_for_ever(Get get) {
  constexpr std::size_t size = std::size_t{1} << 20;
  while (true) std::memset(get(size), 1, size);  // null: as C code that does not check
}

/// A process that outlives its parent if nobody kills it. With `daemon` it leaves the session and its parent ends at once.
inline pid_t start_grandchild(bool daemon) {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) std::abort();
  const pid_t first = ::fork();
  if (first == 0) {
    if (daemon) {
      ::setsid();
      if (::fork() != 0) ::_exit(0);
      ::setsid();
    }
    const pid_t self = ::getpid();
    [[maybe_unused]] const auto written = ::write(ends[1], &self, sizeof self);
    ignore_requests_to_stop();
    sleep_for_ever();
  }
  pid_t grandchild = 0;
  if (::read(ends[0], &grandchild, sizeof grandchild) != sizeof grandchild) std::abort();
  return grandchild;
}

inline void print(std::size_t bytes) {
  const std::string line(1023, 'x');
  for (std::size_t done = 0; done < bytes; done += 1024) std::puts(line.c_str());
  std::puts("the end");
}

inline std::string describe_process() {
  std::string text = ::getpgid(0) == ::getpid() ? "own group;" : "foreign group;";
  for (int fd = 0; fd < 1024; ++fd)
    if (::fcntl(fd, F_GETFD) >= 0) text += " " + std::to_string(fd);
  std::string score;
  std::ifstream("/proc/self/oom_score_adj") >> score;
  return text + "; " + score;
}

inline std::string run_word(const std::string& word, std::istringstream& arguments, const Inside& inside) {
  if (word == "sleep") sleep_for_ever();
  if (word == "spin") {
    ignore_requests_to_stop();
    spin_for_ever();
  }
  if (word == "spin-and-listen")
    while (true)
      if (inside.stop_requested()) return "stopped: " + std::string(inside.limit_reached());
  if (word == "deaf") {
    ignore_requests_to_stop();
    inside.publish("pid " + std::to_string(::getpid()));
    sleep_for_ever();
  }
  if (word == "listen") return wait_for_stop(inside);
  if (word == "term") {
    ::raise(SIGTERM);
    return wait_for_stop(inside);
  }
  if (word == "new") allocate_for_ever([](std::size_t size) { return static_cast<void*>(new char[size]); });
  if (word == "malloc") allocate_for_ever([](std::size_t size) { return std::malloc(size); });
  if (word == "signal") {
    int signal = 0;
    arguments >> signal;
    inside.publish("first");
    inside.publish("second");
    ::raise(signal);
  }
  if (word == "abort") std::abort();
  if (word == "exit") ::exit(77);
  if (word == "throw") throw std::runtime_error("broken on purpose");
  if (word == "throw-bad-alloc") throw std::bad_alloc();  // as Eigen does
  if (word == "throw-number") throw 42;
  if (word == "grandchild") return std::to_string(start_grandchild(false));
  if (word == "daemon") return std::to_string(start_grandchild(true));
  if (word == "daemon-and-sleep") {
    const pid_t daemon = start_grandchild(true);
    inside.publish(std::to_string(::getpid()) + " " + std::to_string(daemon));
    sleep_for_ever();
  }
  if (word == "name-and-sleep") {  // child and daemon, into a file
    std::string file;
    arguments >> file;
    base::write_file_atomically(file, std::to_string(::getpid()) + " " + std::to_string(start_grandchild(true)));
    sleep_for_ever();
  }
  if (word == "litter") {
    const auto litter = std::filesystem::temp_directory_path() / "model" / "file";
    std::filesystem::create_directories(litter);
    inside.publish(litter.string());
    sleep_for_ever();
  }
  if (word == "print") {
    std::size_t bytes = 0;
    arguments >> bytes;
    print(bytes);
    return "printed";
  }
  if (word == "garbage") {
    const std::string bytes(100, 'g');
    for (int fd = 3; fd < 64; ++fd) [[maybe_unused]] const auto written = ::write(fd, bytes.data(), bytes.size());
    return "written";
  }
  if (word == "pid") return std::to_string(::getpid());
  if (word == "die-if-used") {
    static int runs = 0;
    if (++runs > 1) ::raise(SIGSEGV);
    return std::to_string(::getpid());
  }
  if (word == "use") {  // CPU time, and memory that is given back
    double seconds = 0;
    std::size_t mib = 0;
    arguments >> seconds >> mib;
    const auto begin = base::process_cpu_time();
    const std::string memory(mib << 20, 'm');
    while ((base::process_cpu_time() - begin).count() < seconds) continue;
    return std::to_string(::getpid());
  }
  if (word == "large") return std::string(5'000'000, 'y');
  if (word == "describe") return describe_process();
  return "unknown word: " + word;
}

inline Work fake_work() {
  return {.run = [](std::string_view request, const Inside& inside) {
    std::istringstream words{std::string(request)};
    std::string word;
    words >> word;
    return run_word(word, words, inside);
  }};
}

/// Gone, or a zombie that its new parent has not reaped yet.
inline bool is_gone(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  if (!std::getline(stat, text)) return true;
  const auto name_end = text.rfind(')');
  return name_end != std::string::npos && name_end + 2 < text.size() && text[name_end + 2] == 'Z';
}

inline bool is_soon_gone(pid_t pid) {
  for (int i = 0; i < 1000 && !is_gone(pid); ++i) pause_for(0.01);
  return is_gone(pid);
}

/// The numbers in a file that another process writes.
inline std::vector<pid_t> wait_for_numbers(const std::filesystem::path& file) {
  for (int i = 0; i < 3000 && !std::filesystem::exists(file); ++i) pause_for(0.01);
  std::ifstream in(file);
  std::vector<pid_t> pids;
  for (pid_t pid = 0; in >> pid;) pids.push_back(pid);
  return pids;
}

class SandboxTest : public testing::Test {
 protected:
  SandboxTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "espalier-sandbox-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    directory = pattern;
    log = directory / "child.out";
  }
  ~SandboxTest() override { std::filesystem::remove_all(directory); }

  Report run(const std::string& request, const task::ResourceLimits& limits = {}, const std::function<bool()>& stop = {}) {
    const Report report = sandbox.run(request, limits, log, stop);
    // Whatever happened, the next one must not notice.
    EXPECT_EQ(sandbox.run("describe", {}, directory / "next.out", {}).end, End::finished);
    return report;
  }

  std::filesystem::path directory, log;
  Sandbox sandbox{fake_work()};
};

}  // namespace espalier::sandbox::test
