#include "espalier/store/output_directory.hpp"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "espalier/base/clock.hpp"
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
using ::testing::HasSubstr;
using ::testing::StartsWith;

class OutputDirectoryTest : public test::TemporaryDirectory {
 protected:
  fs::path out() const { return path("out"); }
  OutputDirectory open() const { return OutputDirectory::open(out(), fake_identity()); }
  std::string open_error() const {
    return error_of([&] { open(); });
  }
  const task::TaskGraph graph_ = fake_graph();
  const task::TaskSpec& spec(std::size_t i) const { return graph_.tasks.at(i).spec; }
};

TEST_F(OutputDirectoryTest, ANewOneHasTheLayout) {
  const OutputDirectory directory = open();
  for (const char* name : {"run.journal", "plan.yaml", "run.lock", "parts", "log"}) EXPECT_TRUE(fs::exists(out() / name)) << name;
  EXPECT_EQ(base::read_file(out() / "plan.yaml"), "name: test\n");
  EXPECT_TRUE(directory.finished().empty());
  EXPECT_FALSE(directory.read_only());
}

TEST_F(OutputDirectoryTest, OutcomesAndEventsComeBackAfterReopening) {
  const task::Outcome done = fake_outcome(out(), spec(0)), failed = fake_failure(spec(1), "diverged: NaN in layer 2");
  fs::remove_all(out());
  task::Outcome published;
  {
    OutputDirectory directory = open();
    published = fake_outcome(out(), spec(0));
    directory.append(run_started({{"rank_layout", "1 x 3"}}));
    directory.append(published);
    directory.append(failed);
    EXPECT_EQ(directory.unsynced(), 3U);
    directory.sync();
    EXPECT_EQ(directory.unsynced(), 0U);
    directory.append(fake_failure(spec(2), "never synced"));
  }
  const OutputDirectory again = open();
  EXPECT_FALSE(fs::exists(out() / "run.journal.corrupt-1"));
  ASSERT_EQ(again.finished().size(), 2U);
  const Finished& first = again.finished().at(spec(0).key);
  EXPECT_EQ(first.kind, task::OutcomeKind::done);
  ASSERT_TRUE(first.part);
  EXPECT_EQ(*first.part, published.part);
  EXPECT_EQ(first.wall_seconds, 2.5);
  EXPECT_EQ(first.started, 1.7e9);
  const Finished& second = again.finished().at(spec(1).key);
  EXPECT_EQ(second.kind, task::OutcomeKind::failed);
  EXPECT_EQ(second.error_kind(), "numeric");
  EXPECT_EQ(second.message(), "diverged: NaN in layer 2");
  EXPECT_EQ(task::encode(again.outcome(spec(0).key)), task::encode(published));
  EXPECT_EQ(task::encode(again.outcome(spec(1).key)), task::encode(failed));
  EXPECT_THAT(error_of([&] { again.outcome(spec(2).key); }), HasSubstr("has no outcome"));
  ASSERT_EQ(again.events().size(), 1U);
  EXPECT_EQ(again.events()[0].name, "run started");
  EXPECT_EQ(again.events()[0].facts.at("rank_layout"), "1 x 3");
  EXPECT_NE(again.events()[0].facts.at("git_commit"), "");
}

TEST_F(OutputDirectoryTest, ADoneOutcomeIsNeverSupersededByAFailedOne) {
  OutputDirectory directory = open();
  const auto kind = [&](std::size_t i) { return directory.finished().at(spec(i).key).kind; };
  directory.append(fake_failure(spec(0), "first try"));
  directory.append(fake_outcome(out(), spec(0)));
  EXPECT_EQ(kind(0), task::OutcomeKind::done);
  directory.append(fake_failure(spec(0), "late attempt"));
  EXPECT_EQ(kind(0), task::OutcomeKind::done);
  directory.sync();
  directory = OutputDirectory::inspect(out());
  EXPECT_EQ(kind(0), task::OutcomeKind::done);
  EXPECT_EQ(directory.outcome(spec(0).key).wall_seconds, 2.5);
}

TEST_F(OutputDirectoryTest, AnotherConfigurationIsRefused) {
  open();
  try {
    OutputDirectory::open(out(), fake_identity("name: other\n"));
    FAIL() << "expected a refusal";
  } catch (const ConfigurationChanged& changed) {
    EXPECT_EQ(changed.kind(), base::ErrorKind::store);
    EXPECT_THAT(changed.what(), HasSubstr("belongs to another configuration (fingerprint " + fake_identity().fingerprint.hex()));
  }
  EXPECT_EQ(base::read_file(out() / "plan.yaml"), "name: test\n");
}

TEST_F(OutputDirectoryTest, AnotherTextOfTheSameMeaningIsTakenOver) {
  open();
  const RunIdentity reworded{"name: test # with a comment\n", fake_identity().fingerprint};
  EXPECT_EQ(OutputDirectory::open(out(), reworded).identity().configuration, reworded.configuration);
  EXPECT_EQ(base::read_file(out() / "plan.yaml"), reworded.configuration);
  EXPECT_EQ(OutputDirectory::inspect(out()).identity().configuration, reworded.configuration);
}

TEST_F(OutputDirectoryTest, FreshRefusesARunThatHasBegun) {
  OutputDirectory::open(out(), fake_identity(), OpenMode::fresh);
  EXPECT_EQ(error_of([&] { OutputDirectory::open(out(), fake_identity(), OpenMode::fresh); }),
            "store: '" + out().string() + "' already holds a run; choose another directory, or continue that run with --resume auto");
}

TEST_F(OutputDirectoryTest, ForeignDirectoriesAndFilesAreRefused) {
  fs::create_directories(out());
  std::ofstream(out() / "thesis.tex") << "text";
  EXPECT_EQ(open_error(),
            "store: expected an empty directory or one of an earlier run at '" + out().string() + "', found other files in it: thesis.tex");
  EXPECT_EQ(base::read_file(out() / "thesis.tex"), "text");
  EXPECT_FALSE(fs::exists(out() / "run.lock"));
  fs::remove_all(out());
  std::ofstream(out()) << "a file";
  EXPECT_THAT(open_error(), StartsWith("store: "));
  EXPECT_THAT(error_of([&] { OutputDirectory::inspect(path("nowhere")); }),
              HasSubstr("expected a file run.journal in it, found no such directory"));
}

TEST_F(OutputDirectoryTest, AMissingJournalIsRefused) {
  open();
  fs::remove(out() / "run.journal");
  EXPECT_EQ(open_error(),
            "store: '" + out().string() +
                "' holds plan.yaml but no run.journal: the run cannot be continued; restore the journal or choose another directory");
}

TEST_F(OutputDirectoryTest, AnInterruptedCreationIsCompleted) {
  fs::create_directories(out() / "parts");
  fs::create_directories(out() / "log");
  std::ofstream(out() / "run.journal.tmp") << "half";
  EXPECT_EQ(open_error(), "");
  fs::remove(out() / "plan.yaml");
  fs::resize_file(out() / "run.journal", 70);  // within the identity record
  EXPECT_EQ(open_error(), "");
  EXPECT_EQ(base::read_file(out() / "plan.yaml"), "name: test\n");
}

TEST_F(OutputDirectoryTest, AJournalDamagedAtItsBeginningIsNotSilentlyStartedAnew) {
  open();
  fs::resize_file(out() / "run.journal", 70);
  std::ofstream(out() / "plan.yaml") << "name: other\n";
  EXPECT_THAT(open_error(), HasSubstr("is damaged at its beginning (byte 64: the file ends within a record"));
  EXPECT_EQ(fs::file_size(out() / "run.journal"), 70U);
  EXPECT_THAT(error_of([&] { OutputDirectory::inspect(out()); }),
              HasSubstr("its journal is damaged at the beginning: 6 bytes cannot be read"));
}

TEST_F(OutputDirectoryTest, ADamagedIdentityRecordCostsNoOutcome) {
  {
    OutputDirectory directory = open();
    for (const std::size_t i : {0, 3}) directory.append(fake_outcome(out(), spec(i)));
    directory.append(fake_failure(spec(1), "diverged"));
    directory.sync();
  }
  std::string bytes = base::read_file(out() / "run.journal");
  bytes[80] ^= 1;  // in the identity record, the first one
  base::write_file_atomically(out() / "run.journal", bytes);
  {
    const OutputDirectory directory = open();
    EXPECT_EQ(directory.finished().size(), 3U);
    EXPECT_EQ(directory.replay().salvaged, 3U);
    EXPECT_EQ(directory.outcome(spec(3).key).values.integer("nodes"), 42) << "offsets are those of the new journal";
  }
  const OutputDirectory again = OutputDirectory::inspect(out());
  EXPECT_EQ(again.finished().size(), 3U);
  EXPECT_TRUE(again.replay().damaged.empty());
  EXPECT_EQ(again.identity().fingerprint, fake_identity().fingerprint);
}

TEST_F(OutputDirectoryTest, WholeRecordsBehindADamagedOneAreKept) {
  std::uint64_t damaged = 0;
  {
    OutputDirectory directory = open();
    for (const std::size_t i : {0, 1, 3}) {
      if (i == 1) damaged = fs::file_size(out() / "run.journal");
      directory.append(fake_outcome(out(), spec(i)));
      directory.sync();
    }
  }
  std::string bytes = base::read_file(out() / "run.journal");
  bytes[damaged + 50] ^= 1;
  base::write_file_atomically(out() / "run.journal", bytes);
  OutputDirectory directory = open();
  EXPECT_FALSE(directory.finished().contains(spec(1).key)) << "it runs again";
  EXPECT_TRUE(directory.finished().contains(spec(3).key));
  EXPECT_EQ(bytes.substr(damaged, fs::file_size(directory.dropped_bytes())), base::read_file(directory.dropped_bytes()));
  directory.append(fake_outcome(out(), spec(1)));
  directory.sync();
  EXPECT_EQ(OutputDirectory::inspect(out()).finished().size(), 3U);
}

TEST_F(OutputDirectoryTest, UnwritablePlacesAreRefused) {
  EXPECT_THAT(error_of([&] { OutputDirectory::open("/proc/espalier", fake_identity()); }),
              StartsWith("store: cannot create the output directory '/proc/espalier': "));
  EXPECT_THAT(error_of([&] { OutputDirectory::open("/proc/self/fdinfo/x", fake_identity()); }),
              StartsWith("store: cannot create the output directory"));
  if (::geteuid() == 0) return;  // root may write everywhere
  fs::create_directories(out());
  fs::permissions(out(), fs::perms::owner_read | fs::perms::owner_exec);
  EXPECT_THAT(open_error(), HasSubstr("cannot write in the output directory"));
}

TEST_F(OutputDirectoryTest, ATornTailIsKeptAsideAndTheRestContinues) {
  {
    OutputDirectory directory = open();
    directory.append(fake_failure(spec(1), "one"));
    directory.append(fake_failure(spec(2), "two"));
    directory.sync();
  }
  fs::resize_file(out() / "run.journal", fs::file_size(out() / "run.journal") - 5);
  EXPECT_EQ(OutputDirectory::inspect(out()).finished().size(), 1U) << "reading tolerates it and changes nothing";
  EXPECT_FALSE(fs::exists(out() / "run.journal.corrupt-1"));
  OutputDirectory directory = open();
  EXPECT_EQ(directory.finished().size(), 1U);
  EXPECT_EQ(directory.dropped_bytes(), out() / "run.journal.corrupt-1");
  EXPECT_GT(fs::file_size(directory.dropped_bytes()), 0U);
  directory.append(fake_failure(spec(2), "again"));
  directory.sync();
  EXPECT_EQ(OutputDirectory::inspect(out()).finished().size(), 2U);
}

TEST_F(OutputDirectoryTest, LeftoversOfKilledWorkersAreRemovedAndLostPartsRunAgain) {
  {
    OutputDirectory directory = open();
    for (const std::size_t i : {0, 1, 4}) directory.append(fake_outcome(out(), spec(i)));
    directory.sync();
  }
  const fs::path leftover = temporary_part_path(out(), spec(5).key, {3});
  std::ofstream(leftover) << "half a part";
  std::ofstream(out() / "results.h5.123.tmp") << "half a file";
  fs::remove(out() / part_name(spec(0).key));
  fs::resize_file(out() / part_name(spec(1).key), 100);
  const OutputDirectory directory = open();
  EXPECT_FALSE(fs::exists(leftover));
  EXPECT_FALSE(fs::exists(out() / "results.h5.123.tmp"));
  EXPECT_FALSE(directory.finished().contains(spec(0).key));
  EXPECT_FALSE(directory.finished().contains(spec(1).key));
  EXPECT_TRUE(directory.finished().contains(spec(4).key));
}

TEST_F(OutputDirectoryTest, ReadingWorksWhileARunWrites) {
  OutputDirectory writer = open();
  writer.append(fake_failure(spec(1), "one"));
  writer.sync();
  OutputDirectory reader = OutputDirectory::inspect(out());
  EXPECT_TRUE(reader.read_only());
  EXPECT_EQ(reader.finished().size(), 1U);
  EXPECT_THAT(error_of([&] { reader.append(fake_failure(spec(1), "no")); }), HasSubstr("opened for reading"));
  writer.append(fake_failure(spec(2), "two"));
  writer.sync();
  EXPECT_EQ(OutputDirectory::inspect(out()).finished().size(), 2U);
}

TEST_F(OutputDirectoryTest, AFullDiskLosesNothingThatWasSynced) {
  std::signal(SIGXFSZ, SIG_IGN);
  OutputDirectory directory = open();
  directory.append(fake_failure(spec(1), "kept"));
  directory.sync();
  rlimit limit{};
  ::getrlimit(RLIMIT_FSIZE, &limit);
  const rlimit before = limit;
  limit.rlim_cur = fs::file_size(out() / "run.journal") + 10;
  ::setrlimit(RLIMIT_FSIZE, &limit);
  directory.append(fake_failure(spec(2), "not claimed"));
  const std::string error = error_of([&] { directory.sync(); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_THAT(error, StartsWith("io: cannot write '" + (out() / "run.journal").string() + "': File too large"));
  EXPECT_EQ(OutputDirectory::inspect(out()).finished().size(), 1U);
  directory.sync();
  EXPECT_EQ(OutputDirectory::inspect(out()).finished().size(), 2U);
}

TEST_F(OutputDirectoryTest, OpeningTakesTimeInProportionToTheOutcomes) {
  const task::TaskSpec measure = spec(3);
  const auto seconds_to_open = [&](std::uint64_t outcomes) {
    OutputDirectory directory = open();
    task::Outcome outcome = fake_outcome(out(), measure);
    for (std::uint64_t i = 0; i < outcomes; ++i) {
      outcome.key = {i, i * 7919};
      directory.append(outcome);
    }
    directory.sync();
    double least = 1e300;
    for (int repeat = 0; repeat < 3; ++repeat) {
      const base::Stopwatch watch;
      EXPECT_EQ(OutputDirectory::inspect(out()).finished().size(), outcomes);
      least = std::min(least, watch.cpu_seconds());
    }
    return least;
  };
  const double few = seconds_to_open(10'000);
  fs::remove_all(out());
  EXPECT_LT(seconds_to_open(80'000) / few, 32) << "8 in proportion, 64 if each were compared with all others";
}

}  // namespace
}  // namespace espalier::store
