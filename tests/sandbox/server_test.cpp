// The chain caller -> server -> child -> grandchild: it dies downwards, and does not wear out.
#include <sys/file.h>

#include "sandbox/fixture.hpp"

namespace espalier::sandbox::test {
namespace {

using testing::HasSubstr;

std::size_t open_files(pid_t pid) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd")) ++count;
  return count;
}

TEST_F(SandboxTest, ManyRunsLeakNothing) {
  sandbox.run("describe", {}, log, {});
  const std::size_t here = open_files(::getpid()), there = open_files(sandbox.server());
  for (int i = 0; i < 200; ++i)
    ASSERT_EQ(sandbox.run(i % 3 == 0 ? "signal 11" : "describe", {}, log, {}).end, i % 3 == 0 ? End::crashed : End::finished);
  EXPECT_EQ(open_files(::getpid()), here);
  // The server may not have closed the last run's files yet, now and above; one file leaked per run would be 200.
  EXPECT_LT(open_files(sandbox.server()), there + 10);
}

TEST_F(SandboxTest, WhatIsPreparedIsSharedByTheChildren) {
  int prepared = 0;
  Sandbox counting({.run = [&](std::string_view, const Inside&) { return std::to_string(prepared); },
                    .prepare =
                        [&](std::string_view) {
                          ++prepared;
                          throw std::runtime_error("dropped");
                        }});
  for (const char* expected : {"1", "2", "3"}) EXPECT_EQ(counting.run("", {}, log, {}).result, expected);
  EXPECT_EQ(prepared, 0) << "not in this process";
}

TEST_F(SandboxTest, TemporaryFilesOfAKilledChildAreRemoved) {
  namespace fs = std::filesystem;
  fs::path folder;
  {
    Sandbox own(fake_work());
    const Report report = own.run("litter", {.wall_seconds = 0.2, .grace_seconds = 0.1}, log, {});
    ASSERT_TRUE(report.partial);
    const fs::path litter = *report.partial;
    folder = litter.parent_path().parent_path();
    EXPECT_TRUE(fs::is_directory(folder)) << "the next child's";
    EXPECT_TRUE(fs::is_empty(folder));
    fs::remove(folder);
    EXPECT_EQ(own.run("litter", {.wall_seconds = 0.2, .grace_seconds = 0.1}, log, {}).end, End::time)
        << "somebody tidies /tmp: it is made again";
  }
  for (int i = 0; i < 1000 && fs::exists(folder); ++i) pause_for(0.01);
  EXPECT_FALSE(fs::exists(folder)) << "it goes with its server";
}

/// Folders of sandboxes in the system's folder for temporary files; a new one of its own is also a name of this process's number.
std::vector<std::filesystem::path> scratch_folders(pid_t maker) {
  std::vector<std::filesystem::path> found;
  const std::string prefix = fmt::format("espalier-solves-{}-", maker);
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::temp_directory_path()))
    if (entry.path().filename().native().starts_with(prefix)) found.push_back(entry.path());
  return found;
}

TEST_F(SandboxTest, FoldersOfServersThatWereKilledAreRemovedByTheNextOne) {
  namespace fs = std::filesystem;
  const auto make = [&](const std::string& name, std::chrono::seconds age) {
    const fs::path folder = fs::temp_directory_path() / fmt::format("espalier-solves-{}-{}", ::getpid(), name);
    fs::create_directories(folder / "model");
    fs::last_write_time(folder, fs::file_time_type::clock::now() - age);
    return folder;
  };
  const fs::path abandoned = make("abandoned", std::chrono::hours(1)), used = make("used", std::chrono::hours(1)),
                 young = make("young", std::chrono::seconds(1));
  const int lock = ::open(used.c_str(), O_RDONLY | O_DIRECTORY);
  ASSERT_EQ(::flock(lock, LOCK_EX), 0);
  sandbox.run("describe", {}, log, {});
  EXPECT_FALSE(fs::exists(abandoned));
  EXPECT_TRUE(fs::exists(used));
  EXPECT_TRUE(fs::exists(young));
  ::close(lock);
  for (const fs::path& folder : {used, young}) fs::remove_all(folder);
}

TEST_F(SandboxTest, TheServerEndsWithItsCallerAlsoWhenAnotherProcessHoldsTheSocket) {
  const auto file = directory / "pids";
  const pid_t caller = ::fork();
  if (caller == 0) {
    Sandbox own(fake_work());
    const pid_t holder = ::fork();
    if (holder == 0) sleep_for_ever();
    own.run("describe", {}, log, {});
    base::write_file_atomically(file, fmt::format("{} {}", own.server(), holder));
    sleep_for_ever();
  }
  const std::vector<pid_t> pids = wait_for_numbers(file);
  ASSERT_EQ(pids.size(), 2U);
  ::kill(caller, SIGKILL);
  ::waitpid(caller, nullptr, 0);
  EXPECT_TRUE(is_soon_gone(pids[0]));
  EXPECT_THAT(scratch_folders(caller), testing::IsEmpty());
  ::kill(pids[1], SIGKILL);
}

TEST(SandboxDeathTest, AClosedStandardDescriptorIsRefused) {
  EXPECT_EXIT(
      {
        ::close(STDIN_FILENO);
        try {
          const Sandbox own(fake_work());
        } catch (const base::Error& error) {
          std::fputs(error.what(), stderr);
          ::_exit(7);
        }
        ::_exit(0);
      },
      testing::ExitedWithCode(7), "expected standard input, output and error to be open, found 0 closed");
}

TEST_F(SandboxTest, ALostServerIsReportedAndTakesItsChildWithIt) {
  const auto file = directory / "pids";
  const auto kill_server = [&] {
    if (std::filesystem::exists(file)) ::kill(sandbox.server(), SIGKILL);
    return false;
  };
  try {
    sandbox.run("name-and-sleep " + file.string(), {}, log, kill_server);
    FAIL() << "a result without a server";
  } catch (const ServerLost& e) {
    EXPECT_THAT(e.what(), HasSubstr("is gone"));
  }
  const std::vector<pid_t> pids = wait_for_numbers(file);
  ASSERT_EQ(pids.size(), 2U);
  EXPECT_TRUE(is_soon_gone(pids[0]));
  ::kill(pids[1], SIGKILL);  // a daemon of a child is the one process that outlives a killed server
  EXPECT_THROW(sandbox.run("describe", {}, log, {}), ServerLost);
  EXPECT_THAT(scratch_folders(::getpid()), testing::IsEmpty());
}

TEST_F(SandboxTest, NoOrphanSurvivesAKilledCaller) {
  const auto file = directory / "pids", server_file = directory / "server";
  const pid_t caller = ::fork();
  if (caller == 0) {
    Sandbox own(fake_work());
    base::write_file_atomically(server_file, std::to_string(own.server()));
    own.run("name-and-sleep " + file.string(), {}, log, {});
    ::_exit(1);
  }
  std::vector<pid_t> pids = wait_for_numbers(file);
  ASSERT_EQ(pids.size(), 2U) << "child and daemon";
  pids.push_back(wait_for_numbers(server_file).at(0));
  for (const pid_t pid : pids) EXPECT_FALSE(is_gone(pid)) << pid;
  ::kill(caller, SIGKILL);
  ::waitpid(caller, nullptr, 0);
  for (const pid_t pid : pids) EXPECT_TRUE(is_soon_gone(pid)) << pid;
}

TEST_F(SandboxTest, TheServerEndsWithTheSandbox) {
  pid_t server = 0;
  {
    Sandbox other(fake_work());
    server = other.server();
    EXPECT_EQ(other.run("describe", {}, log, {}).end, End::finished);
  }
  EXPECT_TRUE(is_gone(server));
}

}  // namespace
}  // namespace espalier::sandbox::test
