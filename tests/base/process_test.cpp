#include "espalier/base/process.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "espalier/base/error.hpp"

namespace espalier::base {
namespace {

TEST(Process, ThisOneIsRunning) {
  EXPECT_EQ(this_process().pid, ::getpid());
  EXPECT_EQ(presence(this_process()), Presence::running);
}

TEST(Process, AChildIsRunningUntilItIsKilledAndGoneAsAZombieToo) {
  const pid_t child = ::fork();
  if (child == 0)
    while (true) ::pause();
  ProcessId id = this_process();
  id.pid = child;
  id.start_ticks = start_ticks_of(child);
  EXPECT_EQ(presence(id), Presence::running);
  ::kill(child, SIGKILL);
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);  // dead, not reaped
  EXPECT_EQ(presence(id), Presence::gone);
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(presence(id), Presence::gone);
}

TEST(Process, AnotherOneWithItsNumberIsNotIt) {
  ProcessId id = this_process();
  --id.start_ticks;
  EXPECT_EQ(presence(id), Presence::gone);
}

TEST(Process, OfAnotherPlaceNothingIsKnown) {
  ProcessId id = this_process();
  id.place = "elsewhere";
  EXPECT_EQ(presence(id), Presence::unknown);
  EXPECT_EQ(presence({}), Presence::unknown);
}

TEST(Process, TextAndBack) {
  EXPECT_EQ(process_from_text(to_text(this_process())), this_process());
  for (const char* text : {"", "1 2", "x 2 here", "1 -2 here", "1 2x here"}) EXPECT_THROW(process_from_text(text), Error) << text;
}

}  // namespace
}  // namespace espalier::base
