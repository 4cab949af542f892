// Every way in which a child can end is told apart, and leaves nothing behind.
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <fstream>
#include <thread>

#include "sandbox/fixture.hpp"

namespace espalier::sandbox::test {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

TEST_F(SandboxTest, AResultComesBackWithWhatItCost) {
  const Report report = run("large");
  EXPECT_EQ(report.end, End::finished);
  EXPECT_EQ(report.result, std::string(5'000'000, 'y'));
  EXPECT_EQ(report.message, "");
  EXPECT_EQ(report.log, "");
  EXPECT_FALSE(std::filesystem::exists(log));
  EXPECT_GT(report.wall_seconds, 0);
  EXPECT_GT(report.peak_memory_mib, 5);
}

TEST_F(SandboxTest, TheChildHasItsOwnGroupNoForeignFilesAndIsTheFirstToBeKilledForMemory) {
  EXPECT_THAT(run("describe").result, testing::MatchesRegex("own group; 0 1 2 [0-9]+ [0-9]+; 1000"));
}

TEST_F(SandboxTest, AChildThatSleepsForEverIsKilled) {
  const Report report = run("sleep", {.wall_seconds = 0.2, .grace_seconds = 0.5});
  EXPECT_EQ(report.end, End::time);
  EXPECT_THAT(report.message, MatchesRegex("killed .* s after its time limit of 0.2 s: it had not ended"));
  EXPECT_GE(report.wall_seconds, 0.7);
}

TEST_F(SandboxTest, AChildThatIgnoresSignalsIsKilled) {
  const Report report = run("deaf", {.wall_seconds = 0.2, .grace_seconds = 2});
  EXPECT_EQ(report.end, End::time);
  ASSERT_TRUE(report.partial);
  EXPECT_THAT(*report.partial, StartsWith("pid "));
}

TEST_F(SandboxTest, AChildThatListensIsAskedFirst) {
  const Report report = run("listen", {.wall_seconds = 0.1, .grace_seconds = 5});
  EXPECT_EQ(report.end, End::finished);
  EXPECT_EQ(report.result, "stopped: time");
  EXPECT_GE(report.wall_seconds, 2.1) << "its own limit comes first";
}

TEST_F(SandboxTest, CpuTimeIsLimited) {
  const Report polite = run("spin-and-listen", {.grace_seconds = 20, .cpu_seconds = 1});
  EXPECT_EQ(polite.end, End::finished);
  EXPECT_EQ(polite.result, "stopped: cpu");
  const Report deaf = run("spin", {.grace_seconds = 1, .cpu_seconds = 1});
  EXPECT_EQ(deaf.end, End::cpu);
  EXPECT_THAT(deaf.message, MatchesRegex("killed after .* s of CPU time: it had not ended at its limit of 1 s"));
  EXPECT_GE(deaf.cpu_seconds, 1.5);
}

#ifndef __SANITIZE_ADDRESS__  // which reserves terabytes of address space
TEST_F(SandboxTest, MemoryIsLimited) {
  const Report checked = run("new", {.memory_mib = 100});
  EXPECT_EQ(checked.end, End::memory);
  EXPECT_THAT(checked.message, MatchesRegex("an allocation failed: .* MiB were resident at most, .* more than it started with; "
                                            "the limit is 100 MiB"));
  const Report unchecked = run("malloc", {.memory_mib = 100});
  EXPECT_EQ(unchecked.end, End::memory);
  EXPECT_THAT(unchecked.message, StartsWith("ended by signal 11 (Segmentation fault) near its limit of memory: "));
}
#endif

TEST_F(SandboxTest, BadAllocIsMemory) {
  const Report report = run("throw-bad-alloc");
  EXPECT_EQ(report.end, End::memory);
  EXPECT_THAT(report.message, StartsWith("an allocation failed: "));
}

TEST_F(SandboxTest, LimitsBeyondEveryMachineAreNone) {
  EXPECT_EQ(run("large", {.cpu_seconds = 1e300, .memory_mib = 1e300}).end, End::finished);
}

TEST_F(SandboxTest, CrashesAreNamedAndPartialResultsKept) {
  const Report segv = run("signal 11");
  EXPECT_EQ(segv.end, End::crashed);
  EXPECT_EQ(segv.message, "ended by signal 11 (Segmentation fault)");
  EXPECT_EQ(segv.partial, "second");
  EXPECT_EQ(segv.log, log);
  EXPECT_THAT(base::read_file(log), StartsWith("stack at the signal that ended the process:\n"));
  EXPECT_EQ(run("signal 9").message, "ended by signal 9 (Killed), which espalier did not send");
  EXPECT_EQ(run("abort").message, "ended by signal 6 (Aborted)");
  const Report exited = run("exit");
  EXPECT_EQ(exited.end, End::crashed);
  EXPECT_EQ(exited.message, "ended with exit code 77 and without a result");
  EXPECT_FALSE(exited.partial);
}

TEST_F(SandboxTest, ExceptionsAreNamed) {
  const Report report = run("throw");
  EXPECT_EQ(report.end, End::crashed);
  EXPECT_EQ(report.message, "an exception left the work: broken on purpose");
  EXPECT_THAT(run("throw-number").message, HasSubstr("no std::exception"));
}

TEST_F(SandboxTest, BytesThatAreNoMessageAreACrash) {
  const Report report = run("garbage");
  EXPECT_EQ(report.end, End::crashed);
  EXPECT_THAT(report.message, HasSubstr("expected the head of a message, found other bytes"));
}

TEST_F(SandboxTest, GrandchildrenDieWithTheChild) {
  for (const char* word : {"grandchild", "daemon"}) {
    const Report report = run(word);
    ASSERT_EQ(report.end, End::finished) << word << ": " << report.message;
    EXPECT_TRUE(is_gone(std::stoi(report.result))) << word;
  }
  const Report killed = run("daemon-and-sleep", {.wall_seconds = 0.1, .grace_seconds = 2});
  EXPECT_EQ(killed.end, End::time);
  std::istringstream pids(killed.partial.value());
  for (pid_t pid = 0; pids >> pid;) EXPECT_TRUE(is_gone(pid)) << pid;
}

TEST_F(SandboxTest, TheCallerCanStopIt) {
  const Report polite = run("listen", {.grace_seconds = 60}, [] { return true; });  // a busy machine may stand still for 5 s
  EXPECT_EQ(polite.end, End::finished);
  EXPECT_EQ(polite.result, "stopped: ");
  const Report deaf = run("deaf", {.wall_seconds = 100}, [] { return true; });
  EXPECT_EQ(deaf.end, End::stopped);
  EXPECT_LT(deaf.wall_seconds, 30);
}

/// The one child of this process: the sandbox's server.
pid_t server_of_this_process() {
  std::ifstream children(fmt::format("/proc/self/task/{}/children", ::getpid()));
  pid_t first = -1;
  children >> first;
  return first;
}

TEST_F(SandboxTest, AStopThatIsReadTogetherWithTheOrderIsObeyed) {
  const pid_t server = server_of_this_process();
  ASSERT_GT(server, 0);
  ASSERT_EQ(::kill(server, SIGSTOP), 0);
  std::atomic<bool> asked = false;
  std::thread later([&] {
    while (!asked) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));  // the request has been written by then
    ::kill(server, SIGCONT);
  });
  const Report report = run("deaf", {.wall_seconds = 100}, [&] {
    asked = true;
    return true;
  });
  later.join();
  EXPECT_EQ(report.end, End::stopped);
  EXPECT_LT(report.wall_seconds, 30);
}

TEST_F(SandboxTest, TermFromABatchSystemIsARequestToStop) {
  const Report report = run("term");
  EXPECT_EQ(report.end, End::finished) << report.message;
  EXPECT_EQ(report.result, "stopped: ");
}

}  // namespace
}  // namespace espalier::sandbox::test
