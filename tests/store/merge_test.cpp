#include "espalier/store/merge.hpp"

#include <gmock/gmock.h>

#include "espalier/base/file.hpp"
#include "espalier/store/check.hpp"
#include "espalier/store/results.hpp"
#include "espalier/task/codec.hpp"
#include "h5/temporary_directory.hpp"
#include "store/fixture.hpp"

namespace espalier::store {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::fake_failure;
using test::fake_graph;
using test::fake_identity;
using test::fake_outcome;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// A grid of two networks in two shards; the hidden task is in both.
class MergeTest : public test::TemporaryDirectory {
 protected:
  const task::TaskSpec& spec(std::size_t i) const { return graph_.tasks.at(i).spec; }

  RunIdentity identity(int shard) const {
    RunIdentity result = fake_identity();
    result.shard = {shard, 2};
    return result;
  }
  OutputDirectory shard(int index) const { return OutputDirectory::open(path("shard-" + std::to_string(index)), identity(index)); }

  /// Appends the outcomes of these tasks, done, with their part files.
  void fill(OutputDirectory& directory, std::initializer_list<std::size_t> tasks) const {
    for (const std::size_t i : tasks) directory.append(fake_outcome(directory.path(), spec(i)));
    directory.sync();
  }
  void fill_both() const {
    OutputDirectory one = shard(1), two = shard(2);
    one.append(Event{"run started", 100, {{"host", "node1"}}});
    two.append(Event{"run started", 50, {{"host", "node2"}}});
    fill(one, {0, 1, 2, 3, 8});
    fill(two, {4, 5, 6, 7, 8});
  }

  MergeCounts merge(std::initializer_list<const char*> names = {"shard-1", "shard-2"}) const {
    OutputDirectory whole = OutputDirectory::open(path("whole"), fake_identity());
    std::vector<OutputDirectory> sources;
    for (const char* name : names) sources.push_back(OutputDirectory::inspect(path(name)));
    const MergeCounts counts = merge_outcomes(whole, sources, stages_, graph_);
    merge_events(whole, sources);
    build_results(whole, stages_, graph_);
    return counts;
  }

  const task::StageRegistry stages_ = test::fake_stages();
  const task::TaskGraph graph_ = fake_graph();
};

TEST_F(MergeTest, EveryOutcomeAndPartArrives) {
  fill_both();
  const MergeCounts counts = merge();
  EXPECT_EQ(counts.added, graph_.tasks.size());
  EXPECT_EQ(counts.duplicates, 1U);
  EXPECT_EQ(counts.present + counts.missing, 0U);
  EXPECT_FALSE(has_problem(check_directory(path("whole"))));
  const OutputDirectory whole = OutputDirectory::inspect(path("whole")), one = OutputDirectory::inspect(path("shard-1"));
  EXPECT_EQ(task::encode(whole.outcome(spec(1).key)), task::encode(one.outcome(spec(1).key)));
  EXPECT_EQ(whole.events().at(0).facts.at("host"), "node2") << "events in the order of their times";
  EXPECT_EQ(whole.events().at(1).facts.at("source"), path("shard-1").string());
}

TEST_F(MergeTest, AgainAddsNothing) {
  fill_both();
  merge();
  const std::size_t events = OutputDirectory::inspect(path("whole")).events().size();
  const MergeCounts counts = merge();
  EXPECT_EQ(counts.added, 0U);
  EXPECT_EQ(counts.present, graph_.tasks.size());
  EXPECT_EQ(OutputDirectory::inspect(path("whole")).events().size(), events + 1) << "only: results written";
}

TEST_F(MergeTest, AKilledMergeIsContinued) {
  fill_both();
  {  // as a kill leaves it: some records, one part file without its record, one half-written
    OutputDirectory whole = OutputDirectory::open(path("whole"), fake_identity());
    fill(whole, {0});
    fake_outcome(whole.path(), spec(1));
    base::write_file_atomically(path("whole") / (part_name(spec(4).key).substr(0, 6) + "0.h5.tmp.tmp"), "half");
  }
  const MergeCounts counts = merge();
  EXPECT_EQ(counts.present, 1U);
  EXPECT_EQ(counts.added, graph_.tasks.size() - 1);
  EXPECT_FALSE(has_problem(check_directory(path("whole"))));
}

TEST_F(MergeTest, WhatIsMissingWaits) {
  fill_both();
  EXPECT_EQ(merge({"shard-1"}).missing, 4U);
  EXPECT_EQ(merge().added, 4U) << "the second shard came later";
}

TEST_F(MergeTest, TimesMayDifferValuesMayNot) {
  fill_both();
  OutputDirectory one = shard(1);
  task::Outcome other = fake_outcome(path("elsewhere"), spec(7));
  other.wall_seconds = 77;
  other.host = "node9";
  one.append(other);
  one.sync();
  EXPECT_EQ(merge().duplicates, 2U);

  other.values.set("nodes", std::int64_t{43});
  one.append(other);
  one.sync();
  const std::string before = base::read_file(path("whole/run.journal"));
  EXPECT_THAT(error_of([&] { merge(); }),
              AllOf(HasSubstr("nothing was written"), HasSubstr(spec(7).key.hex() + " (measure) has different outcomes in"),
                    HasSubstr("nodes: 42 and 43")));
  EXPECT_EQ(base::read_file(path("whole/run.journal")), before);
}

TEST_F(MergeTest, DifferenceLooksAtValuesArraysAndParts) {
  const task::Outcome one = fake_outcome(path("a"), spec(0));
  const task::Stage& stage = stages_.find("make");
  task::Outcome other = one;
  other.attempt = {99};
  other.rank = 5;
  other.started += 1;
  other.cpu_seconds += 1;
  EXPECT_EQ(difference(stage, one, other), "");
  other.arrays[0].values[1] = 0.25;
  EXPECT_EQ(difference(stage, one, other), "array epoch_loss");
  other = one;
  other.part->stamp.checksum ^= 1;
  EXPECT_EQ(difference(stage, one, other), "part file");
  other = one;
  other.values = {};
  EXPECT_EQ(difference(stage, one, other), "accuracy: 0.9 and no value");
}

TEST_F(MergeTest, MeasuredColumnsAndNotANumberAreNoDifference) {
  const test::FakeStage stage("timed", "", {}, {{.name = "memory", .measured = true}, {.name = "period", .unit = "s"}, {.name = "claim"}},
                              {{.name = "trace", .measured = true}});
  task::Outcome one{.values = {{"memory", 10.0}, {"period", 1.0}, {"claim", std::nan("")}}, .arrays = {{"trace", {1}}}};
  task::Outcome other{.values = {{"period", 1.0}, {"claim", std::nan("")}}, .arrays = {{"trace", {2, 3}}}};
  EXPECT_EQ(difference(stage, one, other), "");
  other.values.set("claim", 0.5);
  EXPECT_EQ(difference(stage, one, other), "claim: nan and 0.5");
  other.values.set("period", 2.0);
  EXPECT_EQ(difference(stage, one, other), "period: 1 and 2") << "the flag says what is measured, not the unit";
}

TEST_F(MergeTest, ADamagedPartIsTakenFromAnotherSourceOrRefused) {
  fill_both();
  OutputDirectory two = shard(2);
  fill(two, {0});
  const fs::path part = path("shard-1") / part_name(spec(0).key);
  std::string bytes = base::read_file(part);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  base::write_file_atomically(part, bytes);
  merge();
  EXPECT_FALSE(has_problem(check_directory(path("whole"))));

  fs::remove_all(path("whole"));
  base::write_file_atomically(path("shard-2") / part_name(spec(0).key), bytes);
  EXPECT_THAT(error_of([&] { merge(); }), AllOf(HasSubstr(spec(0).key.hex() + " (make)"), HasSubstr(part.string()), HasSubstr("checksum")));
}

TEST_F(MergeTest, DoneComesBeforeFailed) {
  fill_both();
  OutputDirectory one = shard(1);
  one.append(fake_failure(spec(4), "diverged"));
  one.sync();
  merge();
  EXPECT_EQ(OutputDirectory::inspect(path("whole")).finished().at(spec(4).key).kind, task::OutcomeKind::done);
}

TEST_F(MergeTest, AShardIsNoOtherShard) {
  shard(1);
  EXPECT_THAT(error_of([&] { OutputDirectory::open(path("shard-1"), identity(2)); }), HasSubstr("holds shard 1/2 of this configuration"));
  EXPECT_THAT(error_of([&] { OutputDirectory::open(path("shard-1"), fake_identity()); }), HasSubstr("asked for is the whole grid"));
  EXPECT_EQ(OutputDirectory::inspect(path("shard-1")).identity().shard, (task::Shard{1, 2}));
}

}  // namespace
}  // namespace espalier::store
