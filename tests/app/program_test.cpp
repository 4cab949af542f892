#include "espalier/app/program.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
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
  return run_program(static_cast<int>(argv.size()), argv.data(), studies::built_in());
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
  EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::HasSubstr("CONFIG is required\nSee: espalier run --help\n"));
}

TEST(Program, AWrongCommandIsToldTheRightOnes) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(run({"runn"}), 2);
  EXPECT_EQ(run({}), 2);
  const std::string errors = testing::internal::GetCapturedStderr();
  EXPECT_THAT(errors, testing::StartsWith("espalier: expected a command, found 'runn' (did you mean 'run'?)\nCommands"));
  EXPECT_THAT(errors, testing::HasSubstr("espalier: expected a command, found none\nCommands"));
  EXPECT_THAT(errors, testing::HasSubstr("  status   Progress and failures"));
}

TEST(Program, HelpIsACommandToo) {
  testing::internal::CaptureStdout();
  EXPECT_EQ(run({"help"}), 0);
  EXPECT_THAT(testing::internal::GetCapturedStdout(), testing::HasSubstr("Exit codes:"));
  testing::internal::CaptureStdout();
  EXPECT_EQ(run({"help", "solve"}), 0);
  EXPECT_THAT(testing::internal::GetCapturedStdout(), testing::HasSubstr("espalier solve"));
}

TEST(Program, OnlyTheFirstRankTellsAUsageError) {
  testing::internal::CaptureStderr();
  ::setenv("OMPI_COMM_WORLD_RANK", "1", 1);
  EXPECT_EQ(run({"run", "--nosuch"}), 2);
  EXPECT_EQ(run({"runn"}), 2);
  ::unsetenv("OMPI_COMM_WORLD_RANK");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(Program, TheCommandThatContinuesIsWhatAShellInAnyDirectoryReads) {
  const std::string here = std::filesystem::current_path().string();
  RunOptions options{.program = "build/release/espalier",
                     .config = "configs/a.yaml",
                     .out = "my results",
                     .overrides = {"prune.rate=[0.5]"},
                     .launcher = "",
                     .started_by = ""};
  EXPECT_EQ(continue_command(options, 1),
            here + "/build/release/espalier run " + here + "/configs/a.yaml --out '" + here + "/my results' --set 'prune.rate=[0.5]'");
  options = {.program = "espalier", .config = "/a.yaml", .out = "/it's", .launcher = "mpirun", .started_by = ""};
  options.shard = "1/3";
  options.retry = "failed";
  options.deadline = "60";
  options.silence_seconds = 15;
  options.data_dir = "data";
  const std::string rest = " --out '/it'\\''s' --shard 1/3 --data-dir " + here + "/data --silence 15";
  EXPECT_EQ(continue_command(options, 3), std::string("mpirun ") + (::geteuid() == 0 ? "--allow-run-as-root " : "") +
                                              "-np 3 --oversubscribe espalier run /a.yaml" + rest);
  options.launcher = "srun";
  EXPECT_EQ(continue_command(options, 3), "srun --mpi=pmix -n 3 espalier run /a.yaml" + rest);
  options.started_by = "/x/run-mpi.sh /a.yaml --ranks 3";
  EXPECT_EQ(continue_command(options, 3), "/x/run-mpi.sh /a.yaml --ranks 3" + rest);
}

TEST(Program, AMissingConfigurationIsNamed) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(run({"plan", "no-such-file.yaml"}), 2);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::HasSubstr("no-such-file.yaml"));
}

}  // namespace
}  // namespace espalier::app
