#include "espalier/farm/stop.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace espalier::farm {
namespace {

class Stop : public testing::Test {
 protected:
  void SetUp() override { clear_stop_request(); }
  void TearDown() override { clear_stop_request(); }
};

TEST_F(Stop, EachSignalAsksToStop) {
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1, SIGHUP}) {
    clear_stop_request();
    const StopSignals signals;
    EXPECT_FALSE(stop_requested());
    std::raise(signal);
    EXPECT_TRUE(stop_requested());
    EXPECT_EQ(stop_signal(), signal);
  }
}

TEST_F(Stop, WhatNohupIgnoresStaysIgnored) {
  const auto before = std::signal(SIGHUP, SIG_IGN);
  {
    const StopSignals signals;
    std::raise(SIGHUP);
    EXPECT_FALSE(stop_requested());
  }
  std::signal(SIGHUP, before);
}

TEST_F(Stop, NobodyReadingIsNoReasonToEnd) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ::close(ends[0]);
  {
    const StopSignals signals;
    EXPECT_EQ(::write(ends[1], "x", 1), -1);
    EXPECT_FALSE(stop_requested());
  }
  EXPECT_EXIT([[maybe_unused]] const auto written = ::write(ends[1], "x", 1), testing::KilledBySignal(SIGPIPE), "")
      << "the old action is back";
  ::close(ends[1]);
}

TEST_F(Stop, OldHandlersComeBack) {
  static int calls;
  calls = 0;
  const auto before = std::signal(SIGUSR1, [](int) { ++calls; });
  {
    const StopSignals signals;
    std::raise(SIGUSR1);
  }
  EXPECT_EQ(calls, 0);
  std::raise(SIGUSR1);
  EXPECT_EQ(calls, 1);
  std::signal(SIGUSR1, before);
}

TEST_F(Stop, ByCallThereIsNoSignal) {
  request_stop();
  EXPECT_TRUE(stop_requested());
  EXPECT_EQ(stop_signal(), 0);
}

TEST_F(Stop, TheFirstReasonStays) {
  const StopSignals signals;
  std::raise(SIGTERM);
  std::raise(SIGINT);  // not the second Ctrl-C
  request_stop();
  EXPECT_EQ(stop_signal(), SIGTERM);
}

TEST(StopDeathTest, ASecondSignalEndsAtOnceButNotAnEchoOfTheFirst) {
  for (const auto& [first, second] : {std::pair(SIGINT, SIGINT), std::pair(SIGUSR1, SIGTERM), std::pair(SIGTERM, SIGUSR1)}) {
    EXPECT_EXIT(
        {
          const StopSignals signals;
          std::raise(first);
          std::raise(second);
          std::fputs("went on", stderr);
          ::usleep(500000);
          std::raise(second);
          std::exit(0);
        },
        testing::ExitedWithCode(128 + second), "went on");
  }
}

}  // namespace
}  // namespace espalier::farm
