#include "espalier/store/check.hpp"

#include <gmock/gmock.h>

#include <fstream>

#include "espalier/h5/table.hpp"
#include "espalier/store/results.hpp"
#include "h5/temporary_directory.hpp"
#include "store/fixture.hpp"

namespace espalier::store {
namespace {

namespace fs = std::filesystem;
using test::fake_graph;
using test::fake_identity;
using test::fake_outcome;
using test::fake_stages;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class CheckTest : public test::TemporaryDirectory {
 protected:
  fs::path out() const { return path("out"); }

  void SetUp() override {
    TemporaryDirectory::SetUp();
    directory_.emplace(OutputDirectory::open(out(), fake_identity()));
    finish(graph_.tasks.size());
    build_results(*directory_, stages_, graph_);
  }
  void finish(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) directory_->append(fake_outcome(out(), graph_.tasks[i].spec));
    directory_->sync();
  }
  /// Findings as lines "problem: where: what".
  std::string findings() const { return text(check_directory(out())); }
  static std::string text(const std::vector<Finding>& list) {
    std::string lines;
    for (const Finding& finding : list)
      lines += (finding.severity == Severity::problem ? "problem: " : "note: ") + finding.where + ": " + finding.what + "\n";
    return lines;
  }
  const task::TaskGraph graph_ = fake_graph();
  const task::StageRegistry stages_ = fake_stages();
  std::optional<OutputDirectory> directory_;
};

TEST_F(CheckTest, AnIntactRunHasNoFindings) {
  EXPECT_EQ(findings(), "");
  directory_.reset();
  EXPECT_EQ(findings(), "");
  EXPECT_THAT(check_results_file(out() / "results.h5"), IsEmpty());
}

TEST_F(CheckTest, DamagedAndMissingPartsAreNamed) {
  const std::string lost = part_name(graph_.tasks[0].spec.key), flipped = part_name(graph_.tasks[1].spec.key);
  fs::remove(out() / lost);
  std::string bytes = base::read_file(out() / flipped);
  bytes[bytes.size() / 2] ^= 4;
  std::ofstream(out() / flipped, std::ios::binary) << bytes;
  EXPECT_THAT(findings(), HasSubstr("problem: " + lost + ": the file is missing\n"));
  EXPECT_THAT(findings(), HasSubstr("problem: " + flipped + ": expected checksum "));
}

TEST_F(CheckTest, ATornJournalIsAProblemUnlessARunIsWriting) {
  std::ofstream(out() / "run.journal", std::ios::app) << "torn";
  EXPECT_THAT(findings(), HasSubstr("note: run.journal: 4 bytes cannot be read (at byte "));
  directory_.reset();
  EXPECT_THAT(findings(), HasSubstr("problem: run.journal: 4 bytes cannot be read (at byte "));
  std::ofstream(out() / "run.journal", std::ios::trunc) << "nothing of ours";
  EXPECT_THAT(findings(), HasSubstr("problem: run.journal: '" + (out() / "run.journal").string() + "' is not a journal of espalier"));
}

TEST_F(CheckTest, EveryFlippedByteOfTheResultFileIsFound) {
  directory_.reset();
  const std::string bytes = base::read_file(out() / "results.h5");
  for (std::size_t i = 0; i < bytes.size(); i += bytes.size() / 30 | 1) {
    std::string damaged = bytes;
    damaged[i] ^= 0x10;
    std::ofstream(out() / "results.h5", std::ios::binary) << damaged;
    EXPECT_TRUE(has_problem(check_directory(out()))) << i;
    check_results_file(out() / "results.h5");  // alone it may not notice, but it must not crash
  }
}

TEST_F(CheckTest, AMissingOrForeignResultFileIsAProblem) {
  fs::remove(out() / "results.h5");
  EXPECT_EQ(findings(), "note: results.h5: it has not been written yet: a run is writing\n");
  directory_.reset();
  EXPECT_EQ(findings(), "problem: results.h5: it has not been written yet: run the same command again\n");
  std::ofstream(out() / "results.h5") << "text";
  EXPECT_THAT(findings(), HasSubstr("file signature not found"));
}

TEST_F(CheckTest, AResultFileBehindTheJournalIsAProblemAfterTheRun) {
  task::TaskGraph larger = fake_graph(3);
  build_results(*directory_, stages_, larger);  // the third network's tasks wait
  EXPECT_THAT(findings(), HasSubstr("note: results.h5: 4 tasks are waiting: the run is not complete"));
  EXPECT_FALSE(has_problem(check_directory(out())));
  directory_->append(fake_outcome(out(), larger.tasks[8].spec));
  directory_->sync();
  EXPECT_THAT(findings(), HasSubstr("note: results.h5: 1 tasks have changed since it was written"));
  directory_.reset();
  EXPECT_THAT(findings(), HasSubstr("problem: results.h5: 1 tasks have changed since it was written"));
}

TEST_F(CheckTest, AResultFileOfAnotherRunContradicts) {
  OutputDirectory other = OutputDirectory::open(path("other"), fake_identity());
  for (std::size_t i = 0; i < 3; ++i) other.append(fake_outcome(path("other"), graph_.tasks[i].spec));
  build_results(other, stages_, graph_);
  fs::copy_file(out() / "results.h5", path("other/results.h5"), fs::copy_options::overwrite_existing);
  const std::string lines = text(check_directory(path("other")));
  EXPECT_THAT(lines, HasSubstr("problem: results.h5: it is not as it was written"));
  EXPECT_THAT(lines, HasSubstr("problem: results.h5:/stages: 6 tasks contradict the journal; task "));
}

TEST_F(CheckTest, TablesThatDoNotAgreeAreFound) {
  const fs::path file = out() / "results.h5";
  const auto change = [&](const std::function<void(const h5::Group&)>& edit) {
    fs::copy_file(file, path("changed.h5"), fs::copy_options::overwrite_existing);
    h5::File changed = h5::File::open_read_write(path("changed.h5"));
    edit(changed.root());
    changed.close();
    return text(check_results_file(path("changed.h5")));
  };
  EXPECT_THAT(change([](const h5::Group& root) { root.remove("solves"); }),
              HasSubstr("problem: results.h5:/solves: the table is missing; /stages has 4 rows"));
  EXPECT_THAT(change([](const h5::Group& root) {
                h5::Table table = h5::read_table(root, "solves");
                for (h5::Column& column : table.columns) std::visit([](auto& values) { values.pop_back(); }, column.values);
                root.remove("solves");
                h5::write_table(root, "solves", table);
              }),
              HasSubstr("problem: results.h5:/solves: the row of task " + graph_.tasks[7].spec.key.hex() + " is missing"));
  EXPECT_THAT(change([](const h5::Group& root) {
                h5::Table table = h5::read_table(root, "arrays/solves/input/index");
                std::get<std::vector<std::int64_t>>(table.columns[2].values)[1] = 1000;
                root.remove("arrays/solves/input/index");
                h5::write_table(root, "arrays/solves/input/index", table);
              }),
              HasSubstr("problem: results.h5:/arrays/solves/input: index row 1 reaches beyond the values"));
  EXPECT_THAT(change([](const h5::Group& root) { root.write_attribute("schema_version", 99); }),
              HasSubstr("its schema version is 99; this program knows 1"));
  EXPECT_THAT(change([](const h5::Group& root) { root.write_attribute("complete", false); }), HasSubstr("contradict each other"));
}

}  // namespace
}  // namespace espalier::store
