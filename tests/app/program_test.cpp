#include "espalier/app/program.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "app/exit_codes.hpp"
#include "app/run_options.hpp"

// What needs a process of its own is in the Python scripts beside this file.
namespace espalier::app {
namespace {

int run(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "espalier");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  return run_program(static_cast<int>(argv.size()), argv.data());
}

TEST(Program, EveryErrorKindHasTheExitCodeOfTheContract) {
  EXPECT_EQ(exit_code_of(base::ErrorKind::configuration), 2);
  EXPECT_EQ(exit_code_of(base::ErrorKind::data), 2);
  EXPECT_EQ(exit_code_of(base::ErrorKind::store), 3);
  EXPECT_EQ(exit_code_of(base::ErrorKind::io), 3);
  EXPECT_EQ(exit_code_of(base::ErrorKind::solver), 1);
  EXPECT_EQ(exit_code_of(base::ErrorKind::numeric), 1);
  EXPECT_EQ(exit_code_of(base::ErrorKind::internal), 1);
}

TEST(Program, HelpAndVersionSucceed) {
  testing::internal::CaptureStdout();
  EXPECT_EQ(run({"--version"}), 0);
  EXPECT_EQ(run({"--help"}), 0);
  for (const char* command : {"run", "plan", "status", "solve", "check", "report"}) EXPECT_EQ(run({command, "--help"}), 0) << command;
  const std::string output = testing::internal::GetCapturedStdout();
  EXPECT_THAT(output, testing::HasSubstr("stopped early; the same command continues"));
}

TEST(Program, UsageErrorsAreCodeTwo) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(run({}), 2);
  EXPECT_EQ(run({"frobnicate"}), 2);
  EXPECT_EQ(run({"run"}), 2);
  EXPECT_EQ(run({"plan", "--sett", "a=1"}), 2);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::HasSubstr("CONFIG is required"));
}

TEST(Program, TheCommandThatContinuesIsWhatAShellReads) {
  RunOptions options{
      .program = "build/release/espalier", .config = "configs/a.yaml", .out = "my results", .overrides = {"prune.rate=[0.5]"}};
  EXPECT_EQ(continue_command(options, 1), "build/release/espalier run configs/a.yaml --out 'my results' --set 'prune.rate=[0.5]'");
  options.out = "it's";
  options.overrides.clear();
  options.shard = "1/3";
  options.retry = "failed";
  options.deadline = "60";
  options.silence_seconds = 15;
  EXPECT_EQ(continue_command(options, 3),
            "mpirun -np 3 --oversubscribe build/release/espalier run configs/a.yaml --out 'it'\\''s' --shard 1/3 --silence 15");
}

TEST(Program, AMissingConfigurationIsNamed) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(run({"plan", "no-such-file.yaml"}), 2);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::HasSubstr("no-such-file.yaml"));
}

}  // namespace
}  // namespace espalier::app
