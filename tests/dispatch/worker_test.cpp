#include "espalier/dispatch/worker.hpp"

#include <gmock/gmock.h>

namespace espalier::dispatch {
namespace {

using base::AttemptId;
using testing::ElementsAre;
using testing::IsEmpty;

task::Attempt attempt(std::uint64_t id) { return {AttemptId{id}, {}, {}}; }

TEST(Worker, RunsOneAtATimeInOrder) {
  Worker worker;
  EXPECT_FALSE(worker.next());
  worker.assign(attempt(1));
  worker.assign(attempt(2));
  EXPECT_EQ(worker.next()->id, AttemptId{1});
  EXPECT_FALSE(worker.next()) << "one is running";
  worker.ended();
  EXPECT_EQ(worker.next()->id, AttemptId{2});
}

TEST(Worker, CancelForgetsOnlyWhatHasNotBegun) {
  Worker worker;
  for (std::uint64_t id = 1; id <= 3; ++id) worker.assign(attempt(id));
  worker.next();
  worker.cancel(AttemptId{1});
  worker.cancel(AttemptId{2});
  worker.cancel(AttemptId{9});
  worker.ended();
  EXPECT_EQ(worker.next()->id, AttemptId{3});
  EXPECT_THAT(worker.take_returned(), IsEmpty());
}

TEST(Worker, StopGivesBackWhatHasNotBegunAndWhatStillArrives) {
  Worker worker;
  for (std::uint64_t id = 1; id <= 3; ++id) worker.assign(attempt(id));
  worker.next();
  worker.stop();
  EXPECT_TRUE(worker.stopping());
  EXPECT_FALSE(worker.finished());
  EXPECT_THAT(worker.take_returned(), ElementsAre(AttemptId{2}, AttemptId{3}));
  worker.assign(attempt(4));
  EXPECT_THAT(worker.take_returned(), ElementsAre(AttemptId{4}));
  EXPECT_THAT(worker.take_returned(), IsEmpty());
  worker.ended();
  EXPECT_FALSE(worker.next());
}

TEST(Worker, EndsWhenDismissedAndNothingRuns) {
  Worker worker;
  worker.assign(attempt(1));
  worker.next();
  worker.leave();
  EXPECT_TRUE(worker.stopping());
  EXPECT_FALSE(worker.finished());
  worker.ended();
  EXPECT_TRUE(worker.finished());
}

}  // namespace
}  // namespace espalier::dispatch
