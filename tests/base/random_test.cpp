#include "espalier/base/random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <vector>

namespace espalier::base {
namespace {

TEST(RandomStream, SeedAndPurposeNameTheStream) {
  RandomStream a(1, "weights"), b(1, "weights"), other_purpose(1, "order"), other_seed(2, "weights");
  const std::uint64_t first = a.next();
  EXPECT_EQ(first, b.next());
  EXPECT_NE(first, other_purpose.next());
  EXPECT_NE(first, other_seed.next());
}

TEST(RandomStream, IsTheSameOnEveryPlatform) {
  // Networks trained from a seed must be found again: these numbers may never change.
  RandomStream random(42, "test");
  EXPECT_EQ(random.next(), 16429392178270373936ULL);
  EXPECT_EQ(random.next(), 6814465637674733622ULL);
}

TEST(RandomStream, UniformFillsTheUnitInterval) {
  RandomStream random(3, "uniform");
  std::array<int, 10> bins{};
  double sum = 0;
  for (int i = 0; i < 100000; ++i) {
    const double u = random.uniform();
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    sum += u;
    ++bins[static_cast<std::size_t>(10 * u)];
  }
  EXPECT_NEAR(sum / 100000, 0.5, 0.005);  // 5.5 standard errors
  for (const int count : bins) EXPECT_NEAR(count, 10000, 550);
  const double v = random.uniform(-3, -2);
  EXPECT_GE(v, -3);
  EXPECT_LT(v, -2);
}

TEST(RandomStream, BelowHasNoModuloBias) {
  // With a bound of 3 * 2^62 a plain modulo would hit the first third twice as often as each of the others.
  RandomStream random(4, "below");
  const std::uint64_t bound = 3ULL << 62;
  std::array<int, 3> thirds{};
  for (int i = 0; i < 30000; ++i) ++thirds[random.below(bound) >> 62];
  for (const int count : thirds) EXPECT_NEAR(count, 10000, 450);
  EXPECT_EQ(random.below(1), 0U);
}

TEST(RandomStream, ShufflesAreUniformPermutations) {
  RandomStream random(5, "shuffle");
  std::array<std::array<int, 4>, 4> counts{};
  for (int i = 0; i < 24000; ++i) {
    std::vector<std::size_t> values(4);
    std::iota(values.begin(), values.end(), std::size_t{0});
    random.shuffle(std::span(values));
    for (std::size_t at = 0; at < 4; ++at) ++counts[at][values[at]];
    std::sort(values.begin(), values.end());
    ASSERT_EQ(values, (std::vector<std::size_t>{0, 1, 2, 3}));
  }
  for (const auto& row : counts)
    for (const int count : row) EXPECT_NEAR(count, 6000, 350);
}

}  // namespace
}  // namespace espalier::base
