// The farm with a real output directory: what a second start finds.
#include <gmock/gmock.h>

#include "espalier/base/build_info.hpp"
#include "farm/harness.hpp"
#include "farm/messages.hpp"

namespace espalier::farm::test {
namespace {

class FarmDirectory : public Farm {
 protected:
  RunResult start(const task::TaskGraph& graph, int ranks) {
    const task::StageRegistry stages = toy::registry(&log);
    auto output = store::OutputDirectory::open(directory / "out", {"toy: true\n", base::digest("toy")});
    if (ranks == 1) return run_master(*wire::connect(wire::Launch::alone), graph, stages, output, options);
    return with_ranks(
        ranks, [&](wire::Link& link) { return run_master(link, graph, stages, output, options); },
        [&](wire::Link& link) { run_worker(link, stages, directory / "out"); });
  }
  std::vector<std::string> stored_rows(const task::TaskGraph& graph) {
    const auto output = store::OutputDirectory::inspect(directory / "out");
    std::vector<task::Outcome> outcomes;
    for (const task::PlannedTask& planned : graph.tasks)
      if (output.finished().contains(planned.spec.key)) outcomes.push_back(output.outcome(planned.spec.key));
    return rows(outcomes);
  }
};

/// A rank on a host that has something else at the master's path, or nothing.
class ElsewhereLink final : public wire::Link {
 public:
  ElsewhereLink(wire::Link& link, std::filesystem::path seen) : link_(link), seen_(std::move(seen)) {}
  base::Rank rank() const override { return link_.rank(); }
  int size() const override { return link_.size(); }
  void send(base::Rank to, int tag, std::string bytes) override { link_.send(to, tag, std::move(bytes)); }
  std::optional<wire::Message> receive(base::Seconds timeout) override {
    auto message = link_.receive(timeout);
    if (message && message->tag == static_cast<int>(Tag::directory)) {
      DirectoryNotice notice = decode_directory(message->bytes);
      EXPECT_TRUE(std::filesystem::path(notice.path).is_absolute());
      EXPECT_EQ(notice.token.size(), 32U);
      notice.path = seen_;
      message->bytes = encode(notice);
    }
    return message;
  }
  bool flush(base::Seconds timeout) override { return link_.flush(timeout); }
  void forget(base::Rank rank) override { link_.forget(rank); }
  bool outlives_ranks() const override { return link_.outlives_ranks(); }
  void abort(int exit_code) override { link_.abort(exit_code); }

 private:
  wire::Link& link_;
  std::filesystem::path seen_;
};

class Unshared : public FarmDirectory {
 protected:
  /// Rank r sees seen[r - 1] at the master's path, and calls the output directory own[r - 1].
  RunResult start_seeing(const task::TaskGraph& graph, const std::vector<std::filesystem::path>& seen,
                         const std::vector<std::filesystem::path>& own) {
    const task::StageRegistry stages = toy::registry(&log);
    auto output = store::OutputDirectory::open(directory / "out", {"toy: true\n", base::digest("toy")});
    return with_ranks(
        static_cast<int>(seen.size()) + 1, [&](wire::Link& link) { return run_master(link, graph, stages, output, options); },
        [&](wire::Link& link) {
          const auto rank = static_cast<std::size_t>(link.rank().value) - 1;
          ElsewhereLink elsewhere(link, seen[rank]);
          run_worker(elsewhere, stages, own[rank], {.directory_seconds = 0.3});
        });
  }
};

TEST_F(Unshared, WorkersThatSeeAnotherDirectoryAreRefusedBeforeAnyWork) {
  const auto another_run = store::OutputDirectory::open(directory / "other", {"toy: other\n", base::digest("other")});
  const RunResult result =
      start_seeing(toy::grid(1, 1, 1), {directory / "nothing", directory / "other"}, {directory / "nothing", directory / "other"});
  ASSERT_TRUE(result.error);
  EXPECT_EQ(result.error->kind(), base::ErrorKind::store) << "exit code 3";
  EXPECT_TRUE(log.runs.empty());
  const std::string expected =
      "cannot work: it does not see the output directory: expected a directory that all ranks share, with the "
      "lock of this run, at '";
  EXPECT_THAT(result.error->what(), testing::StartsWith("no worker can start:\n  rank 1 on " + base::host_name() + " " + expected));
  EXPECT_THAT(result.error->what(), testing::HasSubstr("nothing', found none (No such file or directory)\n  rank 2 on "));
  EXPECT_THAT(result.error->what(), testing::HasSubstr("other', found the lock of another run"));
}

TEST_F(Unshared, OthersGoOnAndADirectoryOfAnotherNameIsTheSame) {
  const task::TaskGraph graph = toy::grid(2, 2, 2);
  std::filesystem::create_directories(directory / "empty");
  const RunResult result = start_seeing(graph, {directory / "empty", directory / "nothing"}, {directory / "nothing", directory / "out"});
  EXPECT_TRUE(result.settled);
  EXPECT_FALSE(result.error);
  EXPECT_EQ(result.workers, 1);
  EXPECT_EQ(stored_rows(graph).size(), graph.tasks.size());
  const auto output = store::OutputDirectory::inspect(directory / "out");
  for (const auto& [key, task] : output.finished()) {
    if (task.part) {
      EXPECT_TRUE(std::filesystem::exists(directory / "out" / task.part->name));
    }
  }
}

TEST_F(Unshared, ADirectoryThatShowsUpLateIsEnough) {
  const std::filesystem::path late = directory / "late";
  std::jthread appearing([&] {
    std::this_thread::sleep_for(base::Seconds(0.1));
    std::filesystem::create_directory_symlink(directory / "out", late);
  });
  EXPECT_TRUE(start_seeing(toy::grid(1, 1, 1), {late}, {directory / "nothing"}).settled);
}

TEST_F(FarmDirectory, StopThenContinueGivesTheRowsOfOneRun) {
  const task::TaskGraph graph = toy::grid(2, 3, 3, {{"sleep", 0.002}});
  MemoryLedger reference;
  run(graph, 1, reference);
  std::atomic<int> until_stop{9};
  log.on_run = [&](const task::Attempt&) {
    if (--until_stop == 0) request_stop();
  };
  const RunResult first = start(graph, 3);
  EXPECT_EQ(first.stopped, dispatch::StopReason::requested);
  EXPECT_EQ(stored_rows(graph).size(), first.done());
  clear_stop_request();
  const RunResult second = start(graph, 1);
  EXPECT_TRUE(second.settled);
  EXPECT_EQ(first.done() + second.done(), graph.tasks.size());
  EXPECT_EQ(stored_rows(graph), rows(reference.durable));
}

TEST_F(FarmDirectory, AFailedTaskStaysFailedOnTheNextStart) {
  task::TaskGraph graph;
  const auto train = toy::add(graph, "train", {{"fail", std::string("numeric")}});
  toy::add(graph, "solve", {}, {train});
  EXPECT_EQ(start(graph, 2).failed(), 2U);
  log.runs.clear();
  const RunResult again = start(graph, 2);
  EXPECT_TRUE(again.settled);
  EXPECT_EQ(again.failed(), 0U);
  EXPECT_TRUE(log.runs.empty());
}

TEST_F(FarmDirectory, ADamagedPartThatIsNeededIsMadeAgainWithItsOwnParents) {
  task::TaskGraph graph = toy::grid(1, 1, 1);
  start(graph, 1);
  const auto before = stored_rows(graph);
  // A new solve needs the train and the prune; one is gone, the other one changed. The finished solve is not touched.
  toy::add(graph, "solve", {{"solve.sample", std::int64_t{99}}}, {base::TaskId{0}, base::TaskId{1}});
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory / "out" / "parts"))
    if (entry.is_regular_file()) std::filesystem::remove(entry);
  log.runs.clear();
  const RunResult result = start(graph, 2);
  EXPECT_TRUE(result.settled);
  EXPECT_EQ(result.failed(), 0U);
  EXPECT_EQ(log.runs.size(), 3U);
  EXPECT_EQ(log.runs.count(graph.tasks[2].spec.key), 0U);
  const auto after = stored_rows(graph);
  EXPECT_TRUE(std::includes(after.begin(), after.end(), before.begin(), before.end()));
}

TEST_F(FarmDirectory, AChangedPartIsMadeAgainOnceATaskNeedsIt) {
  task::TaskGraph graph = toy::grid(1, 1, 1);
  start(graph, 1);
  const auto before = stored_rows(graph);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory / "out" / "parts"))
    if (entry.is_regular_file()) base::write_file_atomically(entry.path(), base::read_file(entry.path()).replace(0, 1, "x"));
  toy::add(graph, "solve", {{"solve.sample", std::int64_t{99}}}, {base::TaskId{0}, base::TaskId{1}});
  log.runs.clear();
  const RunResult result = start(graph, 3);
  EXPECT_TRUE(result.settled);
  EXPECT_EQ(result.failed(), 0U);
  EXPECT_EQ(log.runs.size(), 3U);
  const auto after = stored_rows(graph);
  EXPECT_TRUE(std::includes(after.begin(), after.end(), before.begin(), before.end()));
}

}  // namespace
}  // namespace espalier::farm::test
