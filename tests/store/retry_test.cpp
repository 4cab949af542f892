#include "espalier/store/retry.hpp"

#include <gmock/gmock.h>

#include "espalier/h5/table.hpp"
#include "espalier/store/check.hpp"
#include "espalier/store/results.hpp"
#include "h5/temporary_directory.hpp"
#include "store/fixture.hpp"

namespace espalier::store {
namespace {

using test::error_of;
using test::fake_failure;
using test::fake_graph;
using test::fake_identity;
using test::fake_outcome;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// make -> cut -> measure (2), make -> measure (3); the same again from 4 on; 8 stands alone.
class RetryTest : public test::TemporaryDirectory {
 protected:
  const task::StageKey& key(std::size_t i) const { return graph_.tasks.at(i).spec.key; }
  OutputDirectory open() const { return OutputDirectory::open(path("out"), fake_identity()); }

  void fail(OutputDirectory& directory, std::size_t i, const std::string& kind, const std::string& message = "why") const {
    task::Outcome outcome = fake_failure(graph_.tasks.at(i).spec, message);
    outcome.error_kind = kind;
    directory.append(outcome);
  }
  void finish(OutputDirectory& directory, std::size_t i) const { directory.append(fake_outcome(path("out"), graph_.tasks.at(i).spec)); }

  /// Network 0: its cut crashed. Network 1 diverged. The hidden task is done.
  OutputDirectory with_failures() const {
    OutputDirectory directory = open();
    finish(directory, 0);
    fail(directory, 1, "crashed");
    fail(directory, 2, "parent");
    finish(directory, 3);
    fail(directory, 4, "numeric");
    for (const std::size_t i : {5, 6, 7}) fail(directory, i, "parent");
    finish(directory, 8);
    directory.sync();
    return directory;
  }
  std::vector<task::StageKey> chosen(const OutputDirectory& directory, const std::string& text) const {
    return tasks_to_retry(directory, graph_, retry_kinds_from_text(text));
  }

  const task::TaskGraph graph_ = fake_graph();
};

TEST_F(RetryTest, ChoosesByKindWithWhatFollowedFromIt) {
  const OutputDirectory directory = with_failures();
  EXPECT_THAT(chosen(directory, "crashed"), ElementsAre(key(1), key(2)));
  EXPECT_THAT(chosen(directory, "timeout,numeric"), ElementsAre(key(4), key(5), key(6), key(7)));
  EXPECT_THAT(chosen(directory, "failed"), ElementsAre(key(1), key(2), key(4), key(5), key(6), key(7)));
  EXPECT_THAT(chosen(directory, "memory"), ElementsAre());
}

TEST_F(RetryTest, WhatFailedWithAParentThatIsDoneNowRunsAgainWhateverTheKind) {
  OutputDirectory directory = with_failures();
  finish(directory, 1);
  EXPECT_THAT(chosen(directory, "memory"), ElementsAre(key(2)));
}

TEST_F(RetryTest, UnknownWordsAreRefused) {
  EXPECT_THAT(error_of([] { retry_kinds_from_text("crashed,timeut"); }),
              AllOf(HasSubstr("expected a list of failed (all), crashed, timeout"), HasSubstr("did you mean 'timeout'?")));
  for (const char* text : {"", "parent", "failed,", ",failed", "failed, crashed", "Failed"})
    EXPECT_THROW(retry_kinds_from_text(text), base::Error) << text;
}

TEST_F(RetryTest, ForgottenFailuresWaitAlsoAfterReopening) {
  {
    OutputDirectory directory = with_failures();
    const std::vector<task::StageKey> keys = chosen(directory, "failed");
    directory.forget_failed(keys);
    EXPECT_EQ(directory.finished().size(), 3U);
    directory.forget_failed(std::vector{key(0)});  // done: stays
    EXPECT_EQ(directory.finished().size(), 3U);
    directory.sync();
  }
  {
    OutputDirectory again = open();  // a plain resume goes on with the retry
    EXPECT_EQ(again.finished().size(), 3U);
    EXPECT_EQ(again.retried().size(), 6U);
    fail(again, 1, "timeout", "the second try");
    finish(again, 4);
    again.sync();
  }
  const OutputDirectory last = OutputDirectory::inspect(path("out"));
  EXPECT_EQ(last.finished().at(key(1)).message(), "the second try");
  EXPECT_EQ(last.outcome(key(1)).error_kind, "timeout");
  EXPECT_EQ(last.finished().at(key(4)).kind, task::OutcomeKind::done);
  EXPECT_EQ(last.retried().size(), 4U);
}

TEST_F(RetryTest, RowsComeFromTheLatestAttempt) {
  const task::StageRegistry stages = test::fake_stages();
  OutputDirectory directory = with_failures();
  build_results(directory, stages, graph_);
  const std::vector<task::StageKey> keys = chosen(directory, "failed");
  directory.forget_failed(keys);
  directory.sync();
  EXPECT_FALSE(has_problem(check_directory(path("out")))) << "the result file still shows the failures, and that is known";
  for (const std::size_t i : {1, 2, 4, 5, 6}) finish(directory, i);
  fail(directory, 7, "solver", "again");
  build_results(directory, stages, graph_);
  EXPECT_FALSE(has_problem(check_directory(path("out"))));
  const h5::Table rows = h5::read_table(h5::File::open_read_only(path("out/results.h5")).root(), "stages");
  EXPECT_THAT(rows.texts("status"), ElementsAre("done", "done", "done", "done", "done", "done", "done", "failed", "done"));
  EXPECT_EQ(rows.texts("message")[7], "again");
}

}  // namespace
}  // namespace espalier::store
