// The farm with a real output directory: what a second start finds.
#include <gmock/gmock.h>

#include "farm/harness.hpp"

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
