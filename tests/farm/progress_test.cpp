#include "farm/progress.hpp"

#include <gmock/gmock.h>

#include <cmath>

namespace espalier::farm {
namespace {

using dispatch::KindCounts;
using dispatch::Snapshot;

KindCounts kind(const std::string& name, std::size_t total, std::size_t done) {
  KindCounts counts;
  counts.kind = name;
  counts.total = total;
  counts.done = done;
  counts.waiting = total - done;
  return counts;
}

const auto one_second = [] { return 1.0; };

TEST(Progress, Durations) {
  EXPECT_EQ(format_duration(0), "0:00:00");
  EXPECT_EQ(format_duration(59.6), "0:01:00");
  EXPECT_EQ(format_duration(12 * 60 + 30), "0:12:30");
  EXPECT_EQ(format_duration(27 * 3600 + 3 * 60 + 59), "27:03:59");
  EXPECT_EQ(format_duration(9 * 86400 + 4 * 3600), "9 d 4:00:00");
  EXPECT_EQ(format_duration(-1), "0:00:00");
  EXPECT_EQ(format_duration(std::nan("")), "0:00:00");
}

TEST(Progress, Line) {
  Snapshot snapshot{{kind("train", 3, 3), kind("solve", 820, 16)}};
  snapshot.kinds[1].failed = 1;
  snapshot.kinds[1].running = 2;
  EXPECT_EQ(progress_line(snapshot, 750, 2), "train 3/3, solve 17/820 | 2 running, 1 failed | 10.0/s | ETA 0:12:30");
  EXPECT_EQ(progress_line(snapshot, 750, 200), "train 3/3, solve 17/820 | 2 running, 1 failed | 6.0/min | ETA 0:12:30");
  EXPECT_EQ(progress_line(snapshot, 750, 36000), "train 3/3, solve 17/820 | 2 running, 1 failed | 2.0/h | ETA 0:12:30");
  EXPECT_EQ(progress_line({{kind("train", 3, 3)}}, 2, 1), "train 3/3 | 0 running, 0 failed | 3.0/s | done");
}

TEST(Progress, PlainLinesComeAtIntervals) {
  const Snapshot snapshot{{kind("train", 3, 1)}};
  testing::internal::CaptureStderr();
  {
    Progress progress(ProgressStyle::plain, 10);
    for (double now = 0; now < 35; now += 0.5) progress.update(snapshot, now, one_second);
  }
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3) << text;
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("\r"))) << "no cursor movements in a log file";
  EXPECT_THAT(text, testing::StartsWith("0:00:10  train 1/3"));
}

TEST(Progress, TheTerminalLineUpdatesItselfAndEnds) {
  const Snapshot snapshot{{kind("train", 3, 1)}};
  testing::internal::CaptureStderr();
  {
    Progress progress(ProgressStyle::line, 10);
    progress.update(snapshot, 0, one_second);
    progress.update(snapshot, 0.1, one_second);  // too soon
    progress.update(snapshot, 0.3, one_second);
    progress.finish(snapshot, 0.31, one_second);
  }
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\r'), 3) << text;
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
  EXPECT_TRUE(text.ends_with("\n"));
}

TEST(Progress, NoneIsSilent) {
  testing::internal::CaptureStderr();
  {
    Progress progress(ProgressStyle::none, 0);
    progress.update({{kind("train", 3, 1)}}, 100, one_second);
    progress.finish({{kind("train", 3, 1)}}, 100, one_second);
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(Summary, CountsAndReasons) {
  RunResult result;
  result.counts.kinds = {kind("train", 3, 2), kind("solve", 9, 0)};
  result.counts.kinds[0].failed = 1;
  result.counts.kinds[0].waiting = 0;
  result.counts.kinds[1].finished_before = 4;
  result.counts.kinds[1].failed = 3;
  result.counts.kinds[1].waiting = 2;
  result.wall_seconds = 61;
  result.workers = 2;
  result.busy_share = 0.934;
  result.failures = {{{0, 1}, "train", "numeric", "loss is nan in epoch 3"},
                     {{0, 2}, "solve", "parent", "parent train 0 failed: x"},
                     {{0, 3}, "solve", "parent", "parent train 0 failed: y"},
                     {{0, 4}, "solve", "data", std::string(1000, 'z')}};
  EXPECT_EQ(summary(result),
            "train: 2 of 3 done, 1 failed\n"
            "solve: 0 of 9 done, 4 before, 3 failed, 2 left\n"
            "0:01:01 by 2 worker(s), busy 93 % of the time\n"
            "4 failed:\n"
            "  2 x solve: a parent failed (first: 00000000000000000000000000000002)\n"
            "  1 x solve: data: " +
                std::string(287, 'z') +
                "... (first: 00000000000000000000000000000004)\n"
                "  1 x train: numeric: loss is nan in epoch 3 (first: 00000000000000000000000000000001)\n");
}

TEST(Summary, ManyReasonsAreCut) {
  RunResult result;
  for (std::uint64_t i = 0; i < 25; ++i) result.failures.push_back({{0, i}, "solve", "data", "reason " + std::to_string(i)});
  EXPECT_THAT(summary(result), testing::HasSubstr("  and 15 other reasons\n"));
}

}  // namespace
}  // namespace espalier::farm
