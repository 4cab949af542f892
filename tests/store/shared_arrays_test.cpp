// What many outcomes share stands once in the journal and once in results.h5, and no outcome counts without it.
#include <gmock/gmock.h>

#include "espalier/base/file.hpp"
#include "espalier/h5/table.hpp"
#include "espalier/results/reader.hpp"
#include "espalier/store/check.hpp"
#include "espalier/store/merge.hpp"
#include "espalier/store/results.hpp"
#include "h5/temporary_directory.hpp"
#include "results/read_array.hpp"
#include "store/fixture.hpp"

namespace espalier::store {
namespace {

namespace fs = std::filesystem;
using test::fake_graph;
using test::fake_identity;
using ::testing::ElementsAre;

class SharedArrays : public test::TemporaryDirectory {
 protected:
  fs::path out() const { return path("out"); }
  fs::path journal() const { return out() / "run.journal"; }
  OutputDirectory open() const { return OutputDirectory::open(out(), fake_identity()); }

  /// Of the solves 2, 3, 6 and 7 of the graph: all with the same image.
  task::Outcome solve(std::size_t i) const {
    task::Outcome outcome = test::fake_outcome(out(), graph_.tasks.at(i).spec);
    outcome.arrays = {{"input", image_, true}};
    return outcome;
  }
  const task::StageKey& key(std::size_t i) const { return graph_.tasks.at(i).spec.key; }
  std::size_t times_stored() const {
    const std::string bytes = base::read_file(journal());
    std::size_t times = 0;
    for (std::size_t at = bytes.find(image_bytes_); at != std::string::npos; at = bytes.find(image_bytes_, at + 1)) ++times;
    return times;
  }

  const task::TaskGraph graph_ = fake_graph();
  const task::StageRegistry stages_ = test::fake_stages();
  const std::vector<double> image_ = std::vector<double>(324, 0.25);
  const std::string image_bytes_{reinterpret_cast<const char*>(image_.data()), image_.size() * sizeof(double)};
};

TEST_F(SharedArrays, StandOnceInTheJournal) {
  {
    OutputDirectory directory = open();
    for (const std::size_t i : {2, 3}) directory.append(solve(i));
    directory.sync();
  }
  OutputDirectory directory = open();
  directory.append(solve(6));
  directory.sync();
  EXPECT_EQ(times_stored(), 1U);
  const OutputDirectory again = OutputDirectory::inspect(out());
  for (const std::size_t i : {2, 3, 6}) {
    EXPECT_EQ(directory.outcome(key(i)).arrays, solve(i).arrays) << i;
    EXPECT_EQ(again.outcome(key(i)).arrays, solve(i).arrays) << i;
  }
}

TEST_F(SharedArrays, StandBesideAFailure) {
  task::Outcome failed = test::fake_failure(graph_.tasks[2].spec, "ended by signal 11");
  std::vector<double> changed = image_;
  changed[3] = 1;
  failed.arrays = {{"input", image_, true}, {"best", changed}};
  {
    OutputDirectory directory = open();
    directory.append(failed);
    directory.sync();
  }
  const OutputDirectory again = open();
  EXPECT_EQ(again.finished().at(key(2)).message(), "ended by signal 11");
  EXPECT_EQ(again.outcome(key(2)).arrays, failed.arrays);
}

TEST_F(SharedArrays, OfOtherContentOrNoneAreOthers) {
  OutputDirectory directory = open();
  task::Outcome other = solve(3), none = solve(6);
  other.arrays[0].values[7] = 0.5;
  none.arrays[0].values.clear();
  for (const task::Outcome& outcome : {solve(2), other, none}) directory.append(outcome);
  directory.sync();
  const OutputDirectory again = OutputDirectory::inspect(out());
  EXPECT_EQ(again.outcome(key(2)).arrays, solve(2).arrays);
  EXPECT_EQ(again.outcome(key(3)).arrays, other.arrays);
  EXPECT_EQ(again.outcome(key(6)).arrays, none.arrays);
}

TEST_F(SharedArrays, WithoutTheirRecordTheOutcomesRunAgain) {
  {
    OutputDirectory directory = open();
    directory.append(test::fake_outcome(out(), graph_.tasks[0].spec));
    for (const std::size_t i : {2, 3}) directory.append(solve(i));
    directory.sync();
  }
  std::string bytes = base::read_file(journal());
  bytes[bytes.find(image_bytes_) + 100] ^= 1;
  base::write_file_atomically(journal(), bytes);
  {
    OutputDirectory directory = open();
    EXPECT_EQ(directory.finished().size(), 1U) << "the network alone";
    directory.append(solve(3));
    directory.sync();
  }
  const OutputDirectory again = OutputDirectory::inspect(out());
  EXPECT_EQ(again.finished().size(), 2U);
  EXPECT_EQ(again.outcome(key(3)).arrays, solve(3).arrays);
}

TEST_F(SharedArrays, AJournalThatEndsBehindTheirRecordGoesOn) {
  {
    OutputDirectory directory = open();
    directory.append(solve(2));
    directory.sync();
  }
  const std::size_t end = base::read_file(journal()).find(image_bytes_) + image_bytes_.size() + 8;  // with its checksum
  fs::resize_file(journal(), end + 5);
  {
    OutputDirectory directory = open();
    EXPECT_TRUE(directory.finished().empty());
    directory.append(solve(2));
    directory.sync();
  }
  EXPECT_EQ(times_stored(), 1U);
  EXPECT_EQ(OutputDirectory::inspect(out()).outcome(key(2)).arrays, solve(2).arrays);
}

TEST_F(SharedArrays, StandOnceInTheResultFile) {
  OutputDirectory directory = open();
  for (const std::size_t i : {2, 3, 6}) directory.append(solve(i));
  task::Outcome own = solve(7);
  own.arrays[0].shared = false;
  directory.append(own);
  build_results(directory, stages_, graph_);
  for (const std::size_t i : {2, 3, 6, 7})
    EXPECT_EQ(test::read_array(directory.results_path(), "solves", "input", key(i).hex()), image_) << i;
  const h5::Table index = h5::read_table(h5::File::open_read_only(directory.results_path()).root(), "arrays/solves/input/index");
  EXPECT_THAT(index.integers("offset"), ElementsAre(0, 0, 0, 324));
  EXPECT_THAT(index.integers("row"), ElementsAre(0, 1, 2, 3));
  EXPECT_FALSE(has_problem(check_results_file(directory.results_path())));
}

TEST_F(SharedArrays, ArriveWhereTheyAreMerged) {
  {
    OutputDirectory source = open();
    for (const std::size_t i : {2, 3}) source.append(solve(i));
    source.sync();
  }
  const std::vector<OutputDirectory> sources = [&] {
    std::vector<OutputDirectory> list;
    list.push_back(OutputDirectory::inspect(out()));
    return list;
  }();
  OutputDirectory whole = OutputDirectory::open(path("whole"), fake_identity());
  EXPECT_EQ(merge_outcomes(whole, sources, stages_, graph_).added, 2U);
  const OutputDirectory merged = OutputDirectory::inspect(path("whole"));
  for (const std::size_t i : {2, 3}) EXPECT_EQ(merged.outcome(key(i)).arrays, solve(i).arrays);
  EXPECT_LT(fs::file_size(path("whole") / "run.journal"), 2 * image_bytes_.size());
}

}  // namespace
}  // namespace espalier::store
