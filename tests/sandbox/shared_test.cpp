// Work that leaves its process as it found it runs where such work has run before, and no run can tell.
#include "sandbox/fixture.hpp"

namespace espalier::sandbox::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class SharedProcess : public SandboxTest {
 protected:
  Report share(const std::string& request, const task::ResourceLimits& limits = {}, const std::function<bool()>& stop = {}) {
    return sandbox.run(request, limits, log, stop, Process::shared);
  }
  /// The process that the next shared work runs in.
  std::string process(const task::ResourceLimits& limits = {}) {
    const Report report = share("pid", limits);
    EXPECT_EQ(report.end, End::finished) << report.message;
    return report.result;
  }
};

TEST_F(SharedProcess, ServesOneAfterTheOther) {
  const std::string first = process();
  EXPECT_EQ(process(), first);
  EXPECT_THAT(share("describe").result, testing::MatchesRegex("own group; 0 1 2 [0-9]+ [0-9]+ [0-9]+; 1000"));
  EXPECT_NE(sandbox.run("pid", {}, log, {}).result, first) << "what is not shared has its own";
  EXPECT_TRUE(is_gone(std::stoi(first)));
}

TEST_F(SharedProcess, IsReplacedAfterSomeRuns) {
  const std::string first = process();
  for (int run = 2; run <= 64; ++run) ASSERT_EQ(process(), first) << run;
  EXPECT_NE(process(), first);
}

TEST_F(SharedProcess, EndsAfterARunThatDidNotEndWell) {
  for (const char* request : {"throw", "signal 11", "exit", "grandchild", "use 0 100", "term"}) {
    const std::string before = process();
    share(request, {}, [&] { return std::string(request) == "term"; });
    EXPECT_NE(process(), before) << request;
  }
  const std::string before = process();
  EXPECT_EQ(share("listen", {}, [] { return true; }).result, "stopped: ");
  EXPECT_NE(process(), before) << "it was asked to stop";
}

TEST_F(SharedProcess, WorkThatDiesAfterOtherWorkStartsAgainAlone) {
  const Report first = share("die-if-used"), second = share("die-if-used");
  ASSERT_EQ(first.end, End::finished);
  ASSERT_EQ(second.end, End::finished) << second.message;
  EXPECT_NE(second.result, first.result);
  EXPECT_EQ(second.log, "") << "the stack of the first try is not its own";
}

TEST_F(SharedProcess, ACrashIsACrash) {
  process();
  const Report segv = share("signal 11");
  EXPECT_EQ(segv.end, End::crashed);
  EXPECT_EQ(segv.message, "ended by signal 11 (Segmentation fault)");
  EXPECT_EQ(segv.partial, "second");
  EXPECT_THAT(base::read_file(log), StartsWith("stack at the signal that ended the process:\n"));
  process();
  EXPECT_EQ(share("throw").message, "an exception left the work: broken on purpose");
  process();
  EXPECT_THAT(share("garbage").message, HasSubstr("expected the head of a message, found other bytes"));
  process();
}

TEST_F(SharedProcess, HasTheLimitsOfEachRun) {
  process();
  const Report late = share("sleep", {.wall_seconds = 0.2, .grace_seconds = 0.2});
  EXPECT_EQ(late.end, End::time);
  EXPECT_GE(late.wall_seconds, 0.4);
  process();
  EXPECT_EQ(share("listen", {.wall_seconds = 0.1, .grace_seconds = 5}).result, "stopped: time");
  const std::string none = process(), some = process({.memory_mib = 500});
  EXPECT_NE(some, none) << "another limit of memory";
  EXPECT_NE(process({.cpu_seconds = 5}), process({.cpu_seconds = 5}));
  process();
  EXPECT_EQ(share("spin-and-listen", {.grace_seconds = 20, .cpu_seconds = 1}).result, "stopped: cpu");
}

#ifndef __SANITIZE_ADDRESS__  // which reserves terabytes of address space
TEST_F(SharedProcess, HasTheLimitOfMemory) {
  const task::ResourceLimits limits{.memory_mib = 100};
  process(limits);
  const Report report = share("new", limits);
  EXPECT_EQ(report.end, End::memory);
  EXPECT_THAT(report.message, StartsWith("an allocation failed: "));
}
#endif

TEST_F(SharedProcess, CountsTimeAndMemoryOfEachRun) {
  const Report large = share("use 0.2 40"), small = share("use 0.05 1");
  ASSERT_EQ(large.result, small.result) << "the same process";
  EXPECT_GE(large.cpu_seconds, 0.2);
  EXPECT_GE(small.cpu_seconds, 0.05);
  EXPECT_LT(small.cpu_seconds, 0.2);
  EXPECT_GT(small.peak_memory_mib, 1);
  EXPECT_GT(large.peak_memory_mib, 40);
}

TEST_F(SharedProcess, LogsEachRun) {
  EXPECT_EQ(share("print 10").log, log);
  EXPECT_THAT(base::read_file(log), HasSubstr("the end"));
  EXPECT_EQ(share("pid").log, "");
  EXPECT_FALSE(std::filesystem::exists(log));
  EXPECT_EQ(share("print 100000").log, log);
  EXPECT_GT(std::filesystem::file_size(log), 100000U);
}

TEST_F(SharedProcess, MayBeKilledWhileItRests) {
  const std::string first = process();
  ::kill(std::stoi(first), SIGKILL);
  ASSERT_TRUE(is_soon_gone(std::stoi(first)));
  EXPECT_NE(process(), first);
}

TEST_F(SharedProcess, EndsWithTheSandbox) {
  pid_t child = 0;
  {
    Sandbox other(fake_work());
    child = std::stoi(other.run("pid", {}, log, {}, Process::shared).result);
    EXPECT_FALSE(is_gone(child));
  }
  EXPECT_TRUE(is_gone(child));
}

}  // namespace
}  // namespace espalier::sandbox::test
