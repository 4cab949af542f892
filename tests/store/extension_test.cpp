#include "espalier/store/extension.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "espalier/base/file.hpp"
#include "espalier/h5/table.hpp"
#include "espalier/results/reader.hpp"
#include "espalier/store/check.hpp"
#include "espalier/store/results.hpp"
#include "espalier/store/retry.hpp"
#include "h5/temporary_directory.hpp"
#include "store/fixture.hpp"

namespace espalier::store {
namespace {

namespace fs = std::filesystem;
using test::fake_failure;
using test::fake_identity;
using test::fake_outcome;
using test::fake_spec;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Its outcomes say in the column "limit" whether they met the limit "seconds".
class LimitedStage : public test::FakeStage {
 public:
  using FakeStage::FakeStage;
  std::string limit_parameter() const override { return "seconds"; }
  bool met_limit(const task::Outcome& outcome, const task::Parameters&) const override {
    return outcome.kind == task::OutcomeKind::done ? outcome.values.text("limit") == "time" : outcome.error_kind == "timeout";
  }
};

task::StageRegistry make_stages() {
  const task::StageRegistry fakes = test::fake_stages();
  task::StageRegistry stages;
  for (const char* kind : {"make", "measure"}) {
    const task::Stage& stage = fakes.find(kind);
    task::Schema parameters = stage.parameters();
    parameters.push_back({.name = "seconds", .unit = "s", .meaning = "limit of time"});
    stages.add(std::make_unique<LimitedStage>(kind, stage.table(), parameters, stage.columns(), stage.arrays()));
  }
  return stages;
}

/// For each seed: 0 make, 1 a measure that meets its limit, 2 one that does not; the measures once for every limit.
task::TaskGraph graph_of(std::initializer_list<std::int64_t> seeds, std::initializer_list<double> limits = {60}) {
  task::TaskGraph graph;
  for (const std::int64_t seed : seeds) {
    graph.tasks.push_back({.spec = fake_spec("make", seed, {}, {{"seconds", 1.0}}), .parents = {}});
    const task::StageKey made = graph.tasks.back().spec.key;
    for (const double limit : limits)
      for (const std::int64_t target : {-1, 3})
        graph.tasks.push_back({.spec = fake_spec("measure", seed, {made}, {{"target", target}, {"seconds", limit}}), .parents = {}});
  }
  return graph;
}

const RunIdentity grown = fake_identity("name: grown\n");

class ExtensionTest : public test::TemporaryDirectory {
 protected:
  /// All tasks of the graph but those at `waiting` are done.
  OutputDirectory run(const task::TaskGraph& graph, const std::set<std::size_t>& waiting = {}) const {
    OutputDirectory directory = OutputDirectory::open(path("out"), fake_identity());
    for (std::size_t i = 0; i < graph.tasks.size(); ++i)
      if (!waiting.contains(i)) directory.append(fake_outcome(path("out"), graph.tasks[i].spec));
    directory.sync();
    return directory;
  }
  Extension compare(const task::TaskGraph& before, const task::TaskGraph& now) const {
    return compare_graphs(OutputDirectory::inspect(path("out")), stages_, before, now);
  }
  OutputDirectory extend(const task::TaskGraph& before, const task::TaskGraph& now) const {
    return OutputDirectory::open(path("out"), grown, OpenMode::resume,
                                 [&](const OutputDirectory& directory) { return compare_graphs(directory, stages_, before, now); });
  }

  const task::StageRegistry stages_ = make_stages();
};

TEST_F(ExtensionTest, ALargerGridKeepsEverything) {
  run(graph_of({0, 1}), {5});
  const Extension extension = compare(graph_of({0, 1}), graph_of({0, 1, 2}));
  EXPECT_EQ(to_text(extension), "6 tasks kept (5 of them finished), 3 added, 0 dropped");
  EXPECT_THAT(extension.adoptions, IsEmpty());
  EXPECT_THAT(extension.left, IsEmpty());
}

TEST_F(ExtensionTest, ASmallerGridLeavesWhatIsFinished) {
  const task::TaskGraph before = graph_of({0, 1});
  run(before, {4});
  const Extension extension = compare(before, graph_of({0}));
  EXPECT_EQ(to_text(extension), "3 tasks kept (3 of them finished), 0 added, 3 dropped");
  EXPECT_THAT(extension.left.at("make"), ElementsAre(before.tasks[3].spec.key));
  EXPECT_THAT(extension.left.at("measure"), ElementsAre(before.tasks[5].spec.key));
}

TEST_F(ExtensionTest, ALargerLimitRunsAgainWhatHadMetTheOldOne) {
  const task::TaskGraph before = graph_of({0, 1}), now = graph_of({0, 1}, {300});
  run(before, {5});
  const Extension extension = compare(before, now);
  EXPECT_EQ(to_text(extension), "4 tasks kept (3 of them finished), 2 that met a smaller limit run again, 0 added, 0 dropped");
  ASSERT_EQ(extension.adoptions.size(), 1U);
  EXPECT_EQ(extension.adoptions[0].key, now.tasks[2].spec.key);
  EXPECT_EQ(extension.adoptions[0].from, before.tasks[2].spec.key);
}

TEST_F(ExtensionTest, ASmallerLimitRunsEverythingAgain) {
  run(graph_of({0}, {300}));
  EXPECT_EQ(to_text(compare(graph_of({0}, {300}), graph_of({0}))), "1 task kept (1 of them finished), 2 added, 2 dropped");
}

TEST_F(ExtensionTest, OfSeveralLimitsTheLargestThatWasNotMetCounts) {
  const task::TaskGraph before = graph_of({0}, {10, 60, 1000}), now = graph_of({0}, {300});
  run(before, {6});
  const Extension extension = compare(before, now);
  ASSERT_EQ(extension.adoptions.size(), 1U);
  EXPECT_EQ(extension.adoptions[0].from, before.tasks[4].spec.key) << "60 s";
  EXPECT_EQ(to_text(extension), "2 tasks kept (2 of them finished), 1 that met a smaller limit runs again, 0 added, 4 dropped");
}

TEST_F(ExtensionTest, AFailureStaysUnlessTheLimitWasItsCause) {
  const task::TaskGraph before = graph_of({0}), now = graph_of({0}, {300});
  OutputDirectory directory = run(before, {1, 2});
  for (const auto& [i, kind] : {std::pair(1, "timeout"), std::pair(2, "crashed")}) {
    task::Outcome outcome = fake_failure(before.tasks[static_cast<std::size_t>(i)].spec, "why");
    outcome.error_kind = kind;
    directory.append(outcome);
  }
  directory.sync();
  const Extension extension = compare(before, now);
  ASSERT_EQ(extension.adoptions.size(), 1U);
  EXPECT_EQ(extension.adoptions[0].key, now.tasks[2].spec.key);
}

TEST_F(ExtensionTest, IsInTheJournalAndTheResults) {
  const task::TaskGraph before = graph_of({0, 1}), now = graph_of({0, 2}, {300});
  run(before);
  extend(before, now);

  OutputDirectory directory = OutputDirectory::open(path("out"), grown);
  EXPECT_EQ(directory.identity().configuration, grown.configuration);
  EXPECT_EQ(base::read_file(directory.plan_path()), grown.configuration);
  EXPECT_EQ(directory.events().back().name, "configuration changed");
  EXPECT_THAT(directory.events().back().facts.at("tasks"), HasSubstr("2 tasks kept (2 of them finished)"));
  const task::StageKey &adopted = now.tasks[2].spec.key, &met = now.tasks[1].spec.key;
  EXPECT_FALSE(directory.finished().contains(met));
  EXPECT_EQ(directory.outcome(adopted).key, adopted);
  EXPECT_EQ(directory.outcome(adopted).values, directory.outcome(before.tasks[2].spec.key).values);

  const ResultCounts counts = build_results(directory, stages_, now);
  EXPECT_EQ(counts.done, 2U);
  EXPECT_EQ(counts.waiting, 4U);
  EXPECT_FALSE(has_problem(check_directory(path("out"))));
  EXPECT_THAT(results::Reader(directory.results_path()).table("solves").texts("key"), ElementsAre(adopted.hex()));
  EXPECT_EQ(results::Reader(directory.results_path()).table("solves").reals("seconds").at(0), 300);
  const h5::Table stages = h5::read_table(h5::File::open_read_only(directory.results_path()).root(), "stages");
  std::map<std::string, std::string> dropped;
  for (std::size_t i = 0; i < stages.rows(); ++i)
    if (stages.texts("status")[i] == "dropped") dropped[stages.texts("key")[i]] = stages.texts("kind")[i] + stages.texts("table")[i];
  EXPECT_EQ(dropped.size(), 5U) << "the measures of network 0 with the old limit, and all of network 1";
  EXPECT_EQ(dropped.at(before.tasks[3].spec.key.hex()), "make");
  EXPECT_EQ(dropped.at(before.tasks[2].spec.key.hex()), "measure");
}

TEST_F(ExtensionTest, BackToTheOldConfigurationRunsNothing) {
  const task::TaskGraph before = graph_of({0, 1}), now = graph_of({0}, {300});
  run(before);
  extend(before, now);
  const OutputDirectory back = OutputDirectory::open(path("out"), fake_identity(), OpenMode::resume, [&](const OutputDirectory& directory) {
    return compare_graphs(directory, stages_, now, before);
  });
  for (const task::PlannedTask& planned : before.tasks) EXPECT_TRUE(back.finished().contains(planned.spec.key)) << planned.spec.kind;
}

TEST_F(ExtensionTest, AdoptedFailuresCanBeRetried) {
  const task::TaskGraph before = graph_of({0}), now = graph_of({0}, {300});
  OutputDirectory first = run(before, {2});
  first.append(fake_failure(before.tasks[2].spec, "diverged"));
  first.sync();
  first = OutputDirectory::inspect(path("out"));  // releases the lock
  OutputDirectory directory = extend(before, now);
  const auto again = tasks_to_retry(directory, now, {"numeric"});
  EXPECT_THAT(again, ElementsAre(now.tasks[2].spec.key));
  directory.forget_failed(again);
  directory.sync();
  EXPECT_FALSE(OutputDirectory::inspect(path("out")).finished().contains(now.tasks[2].spec.key));
}

TEST_F(ExtensionTest, ARefusalLeavesTheDirectoryAsItWas) {
  run(graph_of({0}));
  const std::string journal = base::read_file(path("out") / "run.journal");
  EXPECT_THROW(OutputDirectory::open(path("out"), grown, OpenMode::resume,
                                     [](const OutputDirectory&) -> Extension { base::fail(base::ErrorKind::store, "no"); }),
               base::Error);
  EXPECT_EQ(base::read_file(path("out") / "run.journal"), journal);
  EXPECT_EQ(OutputDirectory::inspect(path("out")).identity().configuration, "name: test\n");
}

/// A kill may leave any part of what is appended, and plan.yaml before or after it.
TEST_F(ExtensionTest, AKillAnywhereInBetweenIsContinued) {
  const task::TaskGraph before = graph_of({0, 1}), now = graph_of({0, 2}, {300});
  run(before);
  const fs::path journal = path("out") / "run.journal";
  const std::string old_bytes = base::read_file(journal);
  extend(before, now);
  const std::string new_bytes = base::read_file(journal);
  ASSERT_GT(new_bytes.size(), old_bytes.size() + 100);
  ASSERT_EQ(new_bytes.substr(0, old_bytes.size()), old_bytes);
  for (std::size_t size = old_bytes.size(); size <= new_bytes.size();
       size = size == new_bytes.size() ? size + 1 : std::min(size + 37, new_bytes.size())) {
    base::write_file_atomically(journal, new_bytes.substr(0, size));
    base::write_file_atomically(path("out") / "plan.yaml", fake_identity().configuration);
    const bool recorded = size == new_bytes.size();
    EXPECT_EQ(OutputDirectory::inspect(path("out")).identity().configuration, recorded ? grown.configuration : "name: test\n") << size;
    if (!recorded) {
      EXPECT_THROW(OutputDirectory::open(path("out"), grown), ConfigurationChanged) << size;
    }
    const OutputDirectory directory = recorded ? OutputDirectory::open(path("out"), grown) : extend(before, now);
    EXPECT_EQ(base::read_file(directory.plan_path()), grown.configuration) << size;
    EXPECT_TRUE(directory.finished().contains(now.tasks[2].spec.key)) << size;
    EXPECT_EQ(directory.finished().size(), before.tasks.size() + 1) << size;
    EXPECT_EQ(directory.left().size(), 5U) << size;
  }
}

}  // namespace
}  // namespace espalier::store
