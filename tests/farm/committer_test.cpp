#include "farm/committer.hpp"

#include <gmock/gmock.h>

#include "farm/harness.hpp"

namespace espalier::farm::test {
namespace {

task::Outcome outcome(std::uint64_t i) {
  task::Outcome result;
  result.key = {0, i};
  return result;
}

void wait_until_idle(const Committer& committer) {
  while (!committer.idle()) std::this_thread::sleep_for(base::Seconds(0.001));
}

TEST(Committer, KeepsTheOrderAndCountsOnlyWhatIsSynced) {
  MemoryLedger ledger;
  ledger.sync_seconds = base::Seconds(0.002);
  Committer committer(ledger);
  for (std::uint64_t i = 0; i < 500; ++i) {
    committer.add(outcome(i));
    const std::uint64_t durable = committer.durable();
    for (std::uint64_t k = 0; k < durable; k += 50) ASSERT_TRUE(ledger.is_durable({0, k}));
  }
  wait_until_idle(committer);
  EXPECT_EQ(committer.durable(), 500U);
  for (std::uint64_t i = 0; i < 500; ++i) ASSERT_EQ(ledger.durable[i].key.low, i);
  EXPECT_LT(ledger.syncs, 400);
}

TEST(Committer, TheDestructorFinishesWhatWasAdded) {
  MemoryLedger ledger;
  ledger.sync_seconds = base::Seconds(0.01);
  {
    Committer committer(ledger);
    for (std::uint64_t i = 0; i < 100; ++i) committer.add(outcome(i));
  }
  EXPECT_EQ(ledger.durable.size(), 100U);
}

TEST(Committer, AfterAFailureNothingMoreIsDurable) {
  MemoryLedger ledger;
  ledger.fail_append_after = 1;
  Committer committer(ledger);
  committer.add(outcome(1));
  wait_until_idle(committer);
  EXPECT_NO_THROW(committer.check());
  committer.add(outcome(2));
  wait_until_idle(committer);
  EXPECT_THROW(committer.check(), base::Error);
  ledger.fail_append_after.reset();  // even if the disk has room again: record 2 is missing
  committer.add(outcome(3));
  std::this_thread::sleep_for(base::Seconds(0.02));
  EXPECT_EQ(committer.durable(), 1U);
  EXPECT_EQ(ledger.durable.size(), 1U);
}

}  // namespace
}  // namespace espalier::farm::test
