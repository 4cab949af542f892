// The external back end against programs that behave badly.
#include "milp/external/external_solver.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#include "espalier/base/clock.hpp"
#include "espalier/base/error.hpp"
#include "espalier/base/file.hpp"
#include "milp/external/process.hpp"
#include "milp/models.hpp"

namespace espalier::milp {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "espalier external test XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~Folder() { fs::remove_all(path_); }
  fs::path path_;
};

class External : public ::testing::Test {
 protected:
  Folder folder;
  Model model = testing::knapsack({3, 4}, {3, 4}, 5);

  /// A shell script as a solver: $1 model, $2 solution, $3 seconds. The folder's name has blanks in it.
  std::unique_ptr<Solver> script(const std::string& body) {
    const fs::path path = folder.path_ / "solver.sh";
    std::ofstream(path) << "#!/bin/sh\n" << body;
    fs::permissions(path, fs::perms::owner_all);
    return make_external_solver("'" + path.string() + "' {model} {solution} {seconds}");
  }
  std::string error_of(const std::string& body, const SolveOptions& options = {}) {
    const Result result = script(body)->solve(model, options);
    EXPECT_EQ(to_string(result.termination.reason), "error");
    return result.termination.detail;
  }
};

TEST(SplitCommand, WordsAndQuotes) {
  EXPECT_THAT(split_command("a  b\tc "), ElementsAre("a", "b", "c"));
  EXPECT_THAT(split_command("'a b' \"c d\" e\\ f"), ElementsAre("a b", "c d", "e f"));
  EXPECT_THAT(split_command("a'b'\"c\"d ''"), ElementsAre("abcd", ""));
  EXPECT_THAT(split_command(R"('\' "\"\\\n")"), ElementsAre("\\", R"("\\n)"));
  EXPECT_THAT(split_command("$HOME `id` ; | > * ~"), ElementsAre("$HOME", "`id`", ";", "|", ">", "*", "~"));
  EXPECT_THAT(split_command(""), ElementsAre());
  EXPECT_THROW(split_command("a 'b"), base::Error);
  EXPECT_THROW(split_command("a \"b"), base::Error);
}

TEST(MakeSolver, UnknownNamesAreRefusedWithTheLegalOnes) {
  try {
    make_solver("cbd");
    FAIL();
  } catch (const base::Error& e) {
    EXPECT_EQ(e.kind(), base::ErrorKind::configuration);
    EXPECT_THAT(e.what(), AllOf(HasSubstr("'cbd'"), HasSubstr("did you mean 'cbc'"), HasSubstr("external:glpsol")));
  }
}

TEST(MakeSolver, ACommandLineMustNameModelAndSolution) {
  for (const char* command : {"external:", "external:cbc {model}", "external:solve {solution}", "external:'x {model} {solution}"})
    EXPECT_THROW(make_solver(command), base::Error) << command;
  EXPECT_EQ(make_solver("external:x {model} {solution}")->name(), "external:x {model} {solution}");
}

TEST_F(External, PlaceholdersAreReplacedAndPathsWithBlanksAreOneWord) {
  const auto solver = script(
      "grep -q '^NAME espalier FREE' \"$1\" && [ \"$3\" = 11 ] && [ $# = 3 ] &&\n"
      "printf 'Optimal - objective value -4\\n 0 c0 0 0\\n 1 c1 1 0\\n' > \"$2\"\n");
  const Result result = solver->solve(model, {.time_limit = 11.2});
  ASSERT_EQ(to_string(result.termination.reason), "optimal") << result.termination.detail;
  EXPECT_EQ(result.incumbent->objective, 4);
  EXPECT_EQ(result.dual_bound, 4);
}

TEST_F(External, AMissingProgramIsNamed) {
  const Result result = make_external_solver("no-such-solver-anywhere {model} {solution}")->solve(model, {});
  EXPECT_EQ(result.termination.reason, Reason::error);
  EXPECT_THAT(result.termination.detail, AllOf(HasSubstr("cannot start 'no-such-solver-anywhere'"), HasSubstr("No such file")));
}

TEST_F(External, ANonZeroExitIsAnErrorWithTheOutput) {
  EXPECT_THAT(error_of("echo to stdout; echo license expired >&2; exit 3\n"),
              AllOf(HasSubstr("returned 3"), HasSubstr("to stdout"), HasSubstr("license expired")));
}

TEST_F(External, OnlyTheTailOfALongOutputIsShown) {
  const std::string detail = error_of("seq 1 100000; echo the end; exit 1\n");
  EXPECT_LT(detail.size(), 1000U);
  EXPECT_THAT(detail, HasSubstr("the end"));
}

TEST_F(External, ASignalIsAnError) {
  EXPECT_THAT(error_of("echo working; kill -SEGV $$\n"), AllOf(HasSubstr("signal 11"), HasSubstr("working")));
}

TEST_F(External, NoSolutionFileIsAnError) {
  EXPECT_THAT(error_of("echo all fine\n"), AllOf(HasSubstr("no solution file"), HasSubstr("all fine")));
}

TEST_F(External, AnUnreadableSolutionFileIsAnError) {
  EXPECT_THAT(error_of(": > \"$2\"\n"), HasSubstr("empty file"));
  EXPECT_THAT(error_of("echo '<?xml?>' > \"$2\"\n"), AllOf(HasSubstr("line 1"), HasSubstr("'<?xml?>'")));
  EXPECT_THAT(error_of("printf 'Optimal - objective value 4\\n 0 c0 abc 0\\n' > \"$2\"\n"), HasSubstr("line 2: a number is expected"));
  EXPECT_THAT(error_of("printf 'Optimal - objective value 4\\n 0 c7 1 0\\n' > \"$2\"\n"), HasSubstr("a column of the model"));
  EXPECT_THAT(error_of("printf 'c x\\ns mip 1 2 o 4\\nj 1 0\\n' > \"$2\"\n"), HasSubstr("complete file"));
}

TEST_F(External, AWrongClaimIsRefused) {
  EXPECT_THAT(error_of("printf 'Optimal - objective value -7\\n 0 c0 1 0\\n 1 c1 1 0\\n' > \"$2\"\n"),
              AllOf(HasSubstr("objective 7"), HasSubstr("violates the model by 2")));
  EXPECT_THAT(error_of("echo 'Infeasible - objective value 0' > \"$2\"\n", {.start = {1, 0}}), HasSubstr("the start is feasible"));
}

/// The start has the value 3, the optimum 4.
TEST_F(External, AnOptimumThatIsWorseThanTheStartIsAnErrorThatNamesBoth) {
  const std::string nothing = "printf 'Optimal - objective value -0\\n 0 c0 0 0\\n 1 c1 0 0\\n' > \"$2\"\n";
  EXPECT_THAT(error_of(nothing, {.start = {1, 0}}), HasSubstr("nothing is better than 0, but the start has the value 3"));
  // A start that is no better than the cutoff is not passed on, and is still a point.
  EXPECT_THAT(error_of(nothing, {.cutoff = 3.5, .start = {1, 0}}), HasSubstr("nothing is better than 0, but the start has the value 3"));
  const Result alone = script(nothing)->solve(model, {});  // nobody knows better
  EXPECT_EQ(to_string(alone.termination.reason), "optimal") << alone.termination.detail;
  EXPECT_EQ(alone.dual_bound, 0);
  const Result cut = script(nothing)->solve(model, {.cutoff = 3.5});
  EXPECT_EQ(to_string(cut.termination.limit), "cutoff");
  EXPECT_EQ(cut.dual_bound, 0);
}

TEST_F(External, AnOptimumThatItsOwnPointDoesNotHaveIsAnErrorThatNamesBoth) {
  for (const char* claim : {"-7", "-3", "nan", "-inf", "4"}) {
    const std::string point = " - objective value " + std::string(claim) + "\\n 1 c1 1 0\\n' > \"$2\"\n";
    EXPECT_THAT(error_of("printf 'Optimal" + point), HasSubstr("but its point has 4")) << claim;
  }
  EXPECT_THAT(error_of("printf 's mip 1 2 o -7\\nj 1 0\\nj 2 1\\ne o f\\n' > \"$2\"\n"), HasSubstr("an optimum of 7, but its point has 4"));
  EXPECT_THAT(error_of("printf 'Optimal - objective value none\\n 1 c1 1 0\\n' > \"$2\"\n"), HasSubstr("line 1: a number is expected"));
}

TEST_F(External, AStatusThatIsNotUnderstoodIsAnError) {
  EXPECT_THAT(error_of("echo 'Status unknown - objective value 0' > \"$2\"\n"), HasSubstr("Status unknown"));
}

TEST_F(External, ALimitWithoutAPoint) {
  const auto solver = script(
      "echo 'Stopped on time (no integer solution - continuous used) - objective value 1' > \"$2\"\n"
      "echo ' 0 c0 0.5 0' >> \"$2\"\n");
  const Result result = solver->solve(model, {});
  EXPECT_EQ(to_string(result.termination.reason), "limit");
  EXPECT_EQ(to_string(result.termination.limit), "time");
  EXPECT_FALSE(result.incumbent);
  EXPECT_EQ(result.dual_bound, infinity);
}

TEST_F(External, ANodeLimitIsRefused) { EXPECT_THAT(error_of("exit 0\n", {.node_limit = 5}), HasSubstr("no node limit is expected")); }

TEST_F(External, TheLogFileIsAppendedTo) {
  const fs::path log = folder.path_ / "log";
  std::ofstream(log) << "earlier\n";
  EXPECT_THAT(error_of("echo one; exit 1\n", {.log_file = log}), ::testing::Not(HasSubstr("earlier")));
  EXPECT_EQ(base::read_file(log), "earlier\none\n");
}

/// For one test's lifetime; other tests run beside this one and use the shared folder.
class OwnTemporaryDirectory {
 public:
  explicit OwnTemporaryDirectory(const fs::path& folder) {
    if (const char* before = std::getenv("TMPDIR")) before_ = before;
    fs::create_directory(folder);
    ::setenv("TMPDIR", folder.c_str(), 1);
  }
  ~OwnTemporaryDirectory() { before_ ? ::setenv("TMPDIR", before_->c_str(), 1) : ::unsetenv("TMPDIR"); }

 private:
  std::optional<std::string> before_;
};

TEST_F(External, NothingIsLeftInTheTemporaryDirectory) {
  const fs::path own = folder.path_ / "tmp";
  const OwnTemporaryDirectory scope(own);
  const fs::path seen = folder.path_ / "seen";
  error_of("echo \"$1\" > '" + seen.string() + "'; exit 1\n");
  EXPECT_THAT(base::read_file(seen), HasSubstr(own.string()));
  EXPECT_TRUE(fs::is_empty(own));
}

bool alive(pid_t pid) { return ::kill(pid, 0) == 0; }

pid_t pid_in(const fs::path& file) { return std::stoi(base::read_file(file)); }

TEST_F(External, WhatTheProgramStartedDiesWithIt) {
  const fs::path pid_file = folder.path_ / "pid";
  error_of("sleep 1000 & echo $! > '" + pid_file.string() + "'; exit 1\n");
  const pid_t pid = pid_in(pid_file);
  const base::Stopwatch watch;
  while (alive(pid) && watch.wall_seconds() < 5) std::this_thread::sleep_for(base::Seconds(0.01));
  EXPECT_FALSE(alive(pid));
}

TEST_F(External, AProgramThatIgnoresTermIsKilledWithItsChildren) {
  const fs::path pid_file = folder.path_ / "pid";
  const base::Stopwatch watch;
  const ProcessResult result =
      run_process({"/bin/sh", "-c", "trap '' TERM; sleep 1000 & echo $! > \"$1\"; wait; wait; sleep 1000", "sh", pid_file},
                  folder.path_ / "out", {.seconds = 0.3}, [] { return false; });
  EXPECT_TRUE(result.timed_out);
  EXPECT_FALSE(result.stopped);
  EXPECT_LT(watch.wall_seconds(), 10);
  const pid_t pid = pid_in(pid_file);
  while (alive(pid) && watch.wall_seconds() < 15) std::this_thread::sleep_for(base::Seconds(0.01));
  EXPECT_FALSE(alive(pid));
}

TEST_F(External, AProgramThatIgnoresItsLimitIsEndedAtItAndThePointItWroteCounts) {
  const std::string point = "printf 'Stopped on time - objective value -4\n 0 c0 0 0\n 1 c1 1 0\n' > \"$2\"; ";
  const auto kept = script("trap '' TERM\n" + point + "while true; do sleep 0.01; done\n");
  const Result result = kept->solve(model, {.time_limit = 0.5});
  EXPECT_EQ(to_string(result.termination.limit), "time") << result.termination.detail;
  EXPECT_GT(result.seconds, 0.4);
  EXPECT_LT(result.seconds, 2);  // 0.65 on an idle machine
  ASSERT_TRUE(result.incumbent);
  EXPECT_EQ(result.incumbent->objective, 4);
  EXPECT_EQ(result.dual_bound, infinity);
  const auto cut_off = script("printf 'c Prob' > \"$2\"; sleep 1000\n");
  const Result damaged = cut_off->solve(model, {.time_limit = 0.1});
  EXPECT_EQ(to_string(damaged.termination.limit), "time") << damaged.termination.detail;
  EXPECT_FALSE(damaged.incumbent);
}

TEST_F(External, AModelTooLargeToBeWrittenInTheTimeIsATimeLimit) {
  const auto solver = script("exit 1\n");
  const Result result = solver->solve(model, {.time_limit = 1e-9});
  EXPECT_EQ(to_string(result.termination.limit), "time") << result.termination.detail;
}

TEST_F(External, AStopRequestEndsTheProgram) {
  const base::Stopwatch watch;
  const auto solver = script("sleep 1000\n");
  const Result result = solver->solve(model, {.stop_requested = [&] { return watch.wall_seconds() > 0.2; }});
  EXPECT_EQ(to_string(result.termination.reason), "stopped") << result.termination.detail;
  EXPECT_LT(result.seconds, 10);
}

TEST_F(External, TermFromOutsideIsAStopIfTheCallerIsStoppingToo) {
  const auto solver = script("kill -TERM $$\n");
  const base::Stopwatch watch;
  const Result result = solver->solve(model, {.stop_requested = [&] { return watch.wall_seconds() > 0.3; }});
  EXPECT_EQ(to_string(result.termination.reason), "stopped") << result.termination.detail;
  EXPECT_THAT(error_of("kill -TERM $$\n"), HasSubstr("was ended by signal 15"));
}

}  // namespace
}  // namespace espalier::milp
