#include "store/lock.hpp"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <memory>

#include "espalier/store/output_directory.hpp"
#include "h5/temporary_directory.hpp"

namespace espalier::store {
namespace {

using test::error_of;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class LockTest : public test::TemporaryDirectory {
 protected:
  std::filesystem::path file() const { return path("run.lock"); }
  void put(const LockOwner& owner) const { std::ofstream(file()) << to_text(owner); }
  std::string lock_error() const {
    return error_of([&] { const DirectoryLock lock(path(".")); });
  }
};

/// The lock as a process that has ended left it.
LockOwner ended_process() {
  int pipe_ends[2];
  if (::pipe(pipe_ends) != 0) std::abort();
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string text = to_text(this_process());
    if (::write(pipe_ends[1], text.data(), text.size()) < 0) ::_exit(1);
    ::_exit(0);
  }
  ::close(pipe_ends[1]);
  std::string text(4096, '\0');
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(0, ::read(pipe_ends[0], text.data(), text.size()))));
  ::close(pipe_ends[0]);
  ::waitpid(child, nullptr, 0);
  return owner_from_text(text);
}

TEST_F(LockTest, OwnersSurviveTheirTextForm) {
  const LockOwner self = this_process();
  EXPECT_EQ(to_text(owner_from_text(to_text(self))), to_text(self));
  EXPECT_EQ(self.pid, ::getpid());
  EXPECT_GT(self.start_ticks, 0U);
}

TEST_F(LockTest, OneHolderAtATimeAndReleaseAtTheEnd) {
  {
    const DirectoryLock lock(path("."));
    EXPECT_TRUE(std::filesystem::exists(file()));
    EXPECT_THAT(lock_error(),
                StartsWith("store: '" + path(".").string() + "' is in use by process " + std::to_string(::getpid()) + " on host '"));
    EXPECT_THAT(lock_error(), HasSubstr("wait for it or stop it"));
  }
  EXPECT_FALSE(std::filesystem::exists(file()));
  EXPECT_EQ(lock_error(), "");
}

TEST_F(LockTest, ItsTokenTellsADirectoryFromAnother) {
  const DirectoryLock lock(path("."));
  EXPECT_EQ(find_lock(path("."), lock.token()), "");
  EXPECT_EQ(find_lock(path("."), "0123"), "the lock of another run");
  std::filesystem::create_directory(path(".") / "empty");
  EXPECT_EQ(find_lock(path(".") / "empty", lock.token()), "a directory that no run has locked");
  EXPECT_EQ(find_lock(path(".") / "nothing", lock.token()), "none (No such file or directory)");
}

TEST_F(LockTest, ALivingChildHoldsIt) {
  int pipe_ends[2];
  ASSERT_EQ(::pipe(pipe_ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const DirectoryLock lock(path("."));
    if (::write(pipe_ends[1], "x", 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(pipe_ends[0], &byte, 1), 1);
  EXPECT_THAT(lock_error(), HasSubstr("is in use by process " + std::to_string(child)));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(std::filesystem::exists(file())) << "killed: it could not release the lock";
  EXPECT_EQ(lock_error(), "") << "but it is dead, so the lock is taken over";
}

TEST_F(LockTest, LivenessIsJudgedOnlyWhereItCanBeSeen) {
  const LockOwner self = this_process();
  EXPECT_EQ(liveness(self, self), Liveness::alive);
  EXPECT_EQ(liveness(ended_process(), self), Liveness::dead);
  LockOwner other = self;
  other.start_ticks += 1;  // its number was given to another process
  EXPECT_EQ(liveness(other, self), Liveness::dead);
  other = self;
  other.host = "elsewhere";
  EXPECT_EQ(liveness(other, self), Liveness::unknown);
  other = self;
  other.pid_namespace = "pid:[1]";
  EXPECT_EQ(liveness(other, self), Liveness::unknown);
  EXPECT_EQ(liveness(owner_from_text(""), self), Liveness::unknown);
}

TEST_F(LockTest, RebootsAndRequeuedJobsLeaveDeadLocks) {
  LockOwner self = this_process();
  self.machine_id = "machine";
  LockOwner before = self;
  before.boot_id = "an earlier boot";
  EXPECT_EQ(liveness(before, self), Liveness::dead);
  before.machine_id = "another machine of the same name";
  EXPECT_EQ(liveness(before, self), Liveness::unknown);

  self.job = "slurm 4711", self.restart = "1";
  LockOwner earlier = self;
  earlier.host = "node7", earlier.restart = "0";
  EXPECT_EQ(liveness(earlier, self), Liveness::dead) << "Slurm does not run one job twice";
  earlier.job = "slurm 4712";
  EXPECT_EQ(liveness(earlier, self), Liveness::unknown);
}

TEST_F(LockTest, LocksThatCannotBeJudgedSayWhatToDo) {
  LockOwner other = this_process();
  other.host = "node7";
  other.job = "slurm 4711";
  other.started = 0;
  put(other);
  EXPECT_EQ(lock_error(),
            "store: '" + path(".").string() + "' is locked by process " + std::to_string(other.pid) +
                " on host 'node7' (job slurm 4711) since 1970-01-01T00:00:00Z, and this process cannot see whether that still "
                "runs; if it does not, remove '" +
                path("./run.lock").string() + "'");
  EXPECT_TRUE(std::filesystem::exists(file()));
  std::ofstream(file(), std::ios::trunc) << "";
  EXPECT_THAT(lock_error(), HasSubstr("is locked by an unknown process"));
}

TEST_F(LockTest, AReplacedLockIsNotRemovedByItsFormerHolder) {
  auto lock = std::make_unique<DirectoryLock>(path("."));
  LockOwner other = this_process();
  other.host = "node7";
  put(other);
  lock.reset();
  EXPECT_TRUE(std::filesystem::exists(file()));
}

TEST_F(LockTest, OfManyThatWantADeadLockOneGetsIt) {
  put(ended_process());
  int pipe_ends[2];
  ASSERT_EQ(::pipe(pipe_ends), 0);
  std::vector<pid_t> children;
  for (int i = 0; i < 8; ++i) {
    children.push_back(::fork());
    if (children.back() != 0) continue;
    std::unique_ptr<DirectoryLock> lock;
    const std::string error = error_of([&] { lock = std::make_unique<DirectoryLock>(path(".")); });
    if (::write(pipe_ends[1], error.empty() ? "1" : "0", 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  std::string verdicts(8, ' ');
  for (std::size_t i = 0; i < 8; ++i) ASSERT_EQ(::read(pipe_ends[0], &verdicts[i], 1), 1);
  for (const pid_t child : children) {
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
  }
  EXPECT_EQ(std::count(verdicts.begin(), verdicts.end(), '1'), 1);
}

}  // namespace
}  // namespace espalier::store
