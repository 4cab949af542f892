// What children print.
#include "sandbox/fixture.hpp"
#include "sandbox/output_log.hpp"

namespace espalier::sandbox::test {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

TEST_F(SandboxTest, WhatItPrintsIsInItsLog) {
  const Report report = run("print 0");
  EXPECT_EQ(report.log, log);
  EXPECT_EQ(base::read_file(log), "the end\n");
}

TEST_F(SandboxTest, AnOldLogIsReplaced) {
  std::ofstream(log) << "from an earlier attempt";
  EXPECT_EQ(run("describe").log, "");
  EXPECT_FALSE(std::filesystem::exists(log));
}

TEST_F(SandboxTest, AGigabyteIsCutInTheMiddle) {
  const Report report = run("print 1073741824");
  EXPECT_EQ(report.result, "printed");
  const std::string text = base::read_file(log);
  EXPECT_LT(text.size(), OutputLog::head_bytes + OutputLog::tail_bytes + 100);
  EXPECT_THAT(text, StartsWith("xxx"));
  EXPECT_THAT(text, HasSubstr("\n[... 1072627720 bytes left out ...]\n"));
  EXPECT_THAT(text, EndsWith("xxx\nthe end\n"));
}

TEST_F(SandboxTest, AChildThatNeverStopsPrintingIsKilledInTime) {
  const Report report = run("print 1000000000000000", {.wall_seconds = 0.1, .grace_seconds = 0.1});
  EXPECT_EQ(report.end, End::time);
  EXPECT_LT(report.wall_seconds, 20);
}

TEST_F(SandboxTest, ALogThatCannotBeWrittenIsNoFailure) {
  log = directory / "no such folder" / "child.out";
  EXPECT_EQ(run("print 100").result, "printed");
}

TEST_F(SandboxTest, NothingIsLeftOutOfAShortLog) {
  OutputLog output(log);
  std::string all;
  for (int i = 0; i < 1100; ++i) {
    const std::string line(1000, static_cast<char>('a' + i % 26));
    output.append(line);
    all += line;
  }
  ASSERT_GT(all.size(), OutputLog::head_bytes);
  ASSERT_LT(all.size(), OutputLog::head_bytes + OutputLog::tail_bytes);
  EXPECT_TRUE(output.finish());
  EXPECT_EQ(base::read_file(log), all);
}

}  // namespace
}  // namespace espalier::sandbox::test
