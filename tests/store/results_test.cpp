#include "espalier/store/results.hpp"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdlib>

#include "espalier/base/clock.hpp"
#include "espalier/h5/table.hpp"
#include "espalier/results/reader.hpp"
#include "espalier/store/check.hpp"
#include "h5/temporary_directory.hpp"
#include "results/read_array.hpp"
#include "store/fixture.hpp"

namespace espalier::store {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::fake_failure;
using test::fake_graph;
using test::fake_identity;
using test::fake_outcome;
using test::fake_stages;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ResultsTest : public test::TemporaryDirectory {
 protected:
  fs::path out() const { return path("out"); }
  fs::path results() const { return out() / "results.h5"; }

  /// All done but the third from last (failed) and the last (waiting).
  OutputDirectory sample_run() const {
    OutputDirectory directory = OutputDirectory::open(out(), fake_identity());
    directory.append(run_started({{"rank_layout", "1 master, 2 workers"}}));
    for (std::size_t i = graph_.tasks.size() - 1; i-- > 0;) {  // the order of finishing is not that of the plan
      const task::TaskSpec& spec = graph_.tasks[i].spec;
      directory.append(i == 6 ? fake_failure(spec, "diverged: größer als erwartet") : fake_outcome(out(), spec));
    }
    directory.append(run_ended("complete"));
    directory.sync();
    return directory;
  }
  const task::TaskGraph graph_ = fake_graph();
  const task::StageRegistry stages_ = fake_stages();
};

TEST_F(ResultsTest, H5pyFindsWhatTheSchemaPageSays) {
  OutputDirectory directory = sample_run();
  const ResultCounts counts = build_results(directory, stages_, graph_);
  EXPECT_EQ(counts.done, 7U);
  EXPECT_EQ(counts.failed, 1U);
  EXPECT_EQ(counts.waiting, 1U);
  EXPECT_FALSE(counts.complete());
  const std::string source = ESPALIER_SOURCE_DIR;
  const std::string command = "/usr/bin/python3 '" + source + "/tests/store/read_results.py' '" + results().string() + "' '" + source +
                              "/src/results/SCHEMA.md' > '" + path("report").string() + "' 2>&1";
  const int status = std::system(command.c_str());
  EXPECT_EQ(status, 0) << base::read_file(path("report"));
  EXPECT_EQ(base::read_file(path("report")), "as documented\n");
}

TEST_F(ResultsTest, TablesAndArraysAreReadableFromTheFileAlone) {
  OutputDirectory directory = sample_run();
  build_results(directory, stages_, graph_);
  fs::rename(results(), path("alone.h5"));
  const h5::Table solves = h5::read_table(h5::File::open_read_only(path("alone.h5")).root(), "solves");
  EXPECT_THAT(solves.booleans("adversarial"), ElementsAre(false, true, false, true));
  EXPECT_EQ(solves.find("objective")->meaning, "verified objective");
  EXPECT_THAT(test::read_array(path("alone.h5"), "solves", "input", graph_.tasks[7].spec.key.hex()), ElementsAre(0.0, 0.1, 1.0, 1.0));
  EXPECT_THAT(test::read_array(path("alone.h5"), "solves", "input", graph_.tasks[2].spec.key.hex()), ElementsAre());
  EXPECT_EQ(error_of([&] { results::Reader(path("alone.h5")).table("solvs"); }),
            "data: '" + path("alone.h5").string() +
                "': there is no table 'solvs' (did you mean 'solves'?); there are: events, networks, solves, stages");
}

TEST_F(ResultsTest, RowsDoNotDependOnTheOrderOfFinishing) {
  OutputDirectory one = sample_run();
  build_results(one, stages_, graph_);
  OutputDirectory other = OutputDirectory::open(path("other"), fake_identity());
  for (std::size_t i = 0; i + 1 < graph_.tasks.size(); ++i) {
    const task::TaskSpec& spec = graph_.tasks[i].spec;
    other.append(i == 6 ? fake_failure(spec, "diverged: größer als erwartet") : fake_outcome(path("other"), spec));
  }
  build_results(other, stages_, graph_);
  for (const char* name : {"stages", "solves", "networks"}) {
    const h5::Table a = h5::read_table(h5::File::open_read_only(results()).root(), name),
                    b = h5::read_table(h5::File::open_read_only(path("other/results.h5")).root(), name);
    for (std::size_t c = 0; c < a.columns.size(); ++c) {
      if (std::holds_alternative<std::vector<double>>(a.columns[c].values)) continue;  // NaN differs from itself
      EXPECT_EQ(a.columns[c].values, b.columns[c].values) << name << " " << a.columns[c].name;
    }
  }
}

TEST_F(ResultsTest, OfARunningDirectoryGoElsewhere) {
  const OutputDirectory writer = sample_run();
  const OutputDirectory reader = OutputDirectory::inspect(out());
  EXPECT_EQ(build_results(reader, stages_, graph_, path("view.h5"), {.copy_parts = false}).done, 7U);
  EXPECT_FALSE(fs::exists(results()));
  EXPECT_FALSE(h5::File::open_read_only(path("view.h5")).root().exists("parts"));
  EXPECT_EQ(results::Reader(path("view.h5")).table("solves").rows(), 4U);
}

TEST_F(ResultsTest, AnEmptyRunHasEmptyTables) {
  OutputDirectory directory = OutputDirectory::open(out(), fake_identity());
  EXPECT_EQ(build_results(directory, stages_, graph_).waiting, 9U);
  EXPECT_EQ(results::Reader(results()).table("solves").rows(), 0U);
  EXPECT_EQ(results::Reader(results()).table("stages").rows(), 9U);
  EXPECT_FALSE(has_problem(check_results_file(results())));
}

TEST_F(ResultsTest, AFullDiskLeavesThePreviousFileAndTheJournalAsTheyWere) {
  std::signal(SIGXFSZ, SIG_IGN);
  OutputDirectory directory = sample_run();
  build_results(directory, stages_, graph_);
  const base::FileStamp before = base::stamp_file(results());
  const auto journal_size = fs::file_size(directory.journal_path());
  rlimit limit{};
  ::getrlimit(RLIMIT_FSIZE, &limit);
  const rlimit unlimited = limit;
  for (rlim_t bytes = 0; bytes < before.size; bytes += before.size / 25) {
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const std::string error = error_of([&] { build_results(directory, stages_, graph_); });
    ::setrlimit(RLIMIT_FSIZE, &unlimited);
    EXPECT_THAT(error, StartsWith("io: cannot write '" + results().string() + "' (the previous file and the journal are unchanged): "))
        << bytes;
    EXPECT_THAT(error, HasSubstr("File too large"));
    EXPECT_EQ(base::stamp_file(results()), before);
    EXPECT_EQ(fs::file_size(directory.journal_path()), journal_size);
    EXPECT_EQ(std::distance(fs::directory_iterator(out()), fs::directory_iterator()), 6) << "no temporary file is left";
  }
  build_results(directory, stages_, graph_);
  EXPECT_FALSE(has_problem(check_directory(out())));
}

TEST_F(ResultsTest, WhatAStageDoesNotDeclareIsADefect) {
  OutputDirectory directory = OutputDirectory::open(out(), fake_identity());
  const task::TaskSpec& spec = graph_.tasks[3].spec;
  const auto error_with = [&](const task::Outcome& outcome) {
    directory.append(outcome);
    return error_of([&] { build_results(directory, stages_, graph_); });
  };
  task::Outcome outcome = fake_outcome(out(), spec);
  outcome.values.set("objectve", 1.0);
  EXPECT_EQ(error_with(outcome), "internal: measure task " + spec.key.hex() + ": its stage does not declare the result 'objectve'");
  outcome = fake_outcome(out(), spec);
  outcome.arrays.push_back({"inputs", {1}});
  EXPECT_THAT(error_with(outcome), HasSubstr("its stage does not declare the array 'inputs'"));
  outcome = fake_outcome(out(), spec);
  outcome.values.set("nodes", 1.5);
  EXPECT_THAT(error_with(outcome), HasSubstr("column 'nodes': expected integer, found real '1.5'"));
  EXPECT_FALSE(fs::exists(results()));
}

TEST_F(ResultsTest, DamagedPartsAreLeftOutAndReported) {
  OutputDirectory directory = sample_run();
  fs::resize_file(out() / part_name(graph_.tasks[0].spec.key), 50);
  EXPECT_EQ(build_results(directory, stages_, graph_).parts_left_out, 1U);
  const h5::File file = h5::File::open_read_only(results());
  EXPECT_FALSE(file.root().exists("parts/networks/" + graph_.tasks[0].spec.key.hex()));
  EXPECT_TRUE(file.root().exists("parts/networks/" + graph_.tasks[1].spec.key.hex()));
}

TEST_F(ResultsTest, TheyTakeTimeInProportionToTheSolves) {
  const auto seconds_to_build = [&](std::int64_t networks) {
    const task::TaskGraph graph = fake_graph(networks);
    OutputDirectory directory = OutputDirectory::open(out(), fake_identity());
    for (const task::PlannedTask& planned : graph.tasks) {
      if (planned.spec.kind != "measure") continue;
      task::Outcome outcome = fake_outcome(out(), planned.spec);
      outcome.arrays = {{"input", std::vector<double>(324, 0.5)}};
      directory.append(outcome);
    }
    directory.sync();
    double least = 1e300;
    for (int repeat = 0; repeat < 3; ++repeat) {
      const base::Stopwatch watch;
      build_results(directory, stages_, graph);
      least = std::min(least, watch.cpu_seconds());
    }
    EXPECT_EQ(results::Reader(results()).table("solves").rows(), static_cast<std::size_t>(2 * networks));
    return least;
  };
  const double few = seconds_to_build(150);
  fs::remove_all(out());
  EXPECT_LT(seconds_to_build(1200) / few, 24) << "8 in proportion, 64 if each row were to look at all others";
}

}  // namespace
}  // namespace espalier::store
