#include "espalier/base/budget.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace espalier::base {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

TEST(Budget, WithoutAnEndIsNeverSpent) {
  for (const Budget& budget : {Budget(), Budget(infinity)}) {
    EXPECT_FALSE(budget.spent());
    EXPECT_EQ(budget.seconds_left(), infinity);
  }
}

TEST(Budget, EndsAtItsMoment) {
  const Budget over(0), long_over(-1), nobody_knows(std::nan(""));
  for (const Budget& budget : {over, long_over, nobody_knows}) EXPECT_TRUE(budget.out_of_time());
  EXPECT_EQ(long_over.seconds_left(), 0);
  const Budget soon(0.02), copy = soon;
  EXPECT_FALSE(copy.spent());
  EXPECT_GT(soon.seconds_left(), 0);
  const Stopwatch watch;
  while (!copy.spent()) ASSERT_LT(watch.wall_seconds(), 10);
  EXPECT_TRUE(soon.spent());
  EXPECT_FALSE(soon.stop_requested());
}

TEST(Budget, EndsWhenTheCallerSaysSo) {
  bool stop = false;
  const Budget budget(infinity, [&] { return stop; });
  EXPECT_FALSE(budget.spent());
  stop = true;
  EXPECT_TRUE(budget.spent());
  EXPECT_TRUE(budget.stop_requested());
  EXPECT_FALSE(budget.out_of_time());
}

}  // namespace
}  // namespace espalier::base
