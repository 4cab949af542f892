#include "espalier/problem/ball.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "problem/reference.hpp"

namespace espalier::problem {
namespace {

using espalier::testing::random_image;
using espalier::testing::random_point;

Ball random_ball(Eigen::Index pixels, std::uint64_t seed) {
  base::RandomStream random(seed, "ball");
  return {.centre = random_image(pixels, random), .radius = random.uniform(0.05, 4.0)};
}

Eigen::VectorXd random_vector(Eigen::Index size, base::RandomStream& random, double scale = 1) {
  Eigen::VectorXd v(size);
  for (double& value : v) value = random.uniform(-scale, scale);
  return v;
}

TEST(Ball, DistanceIsTheSumOfAbsoluteDifferences) {
  EXPECT_DOUBLE_EQ(l1_distance(Eigen::Vector3d(0.25, 1, 0), Eigen::Vector3d(0.5, 0.5, 0)), 0.75);
}

TEST(Ball, ContainsItsCentreAndNoPointBeyondTheRadiusOrTheBox) {
  const Ball ball{.centre = Eigen::Vector2d(0.5, 1.0), .radius = 0.5};
  EXPECT_TRUE(contains(ball, ball.centre));
  EXPECT_TRUE(contains(ball, Eigen::Vector2d(0.25, 0.75)));
  EXPECT_FALSE(contains(ball, Eigen::Vector2d(0.2, 0.75)));
  EXPECT_FALSE(contains(ball, Eigen::Vector2d(0.5, 1.1)));
  EXPECT_FALSE(contains(ball, Eigen::Vector2d(std::nan(""), 1.0)));
}

TEST(Ball, LinearMaximumOfAHandComputedCase) {
  // Room: up 0.5, 0, 0.75; down 0.5, 1, 0.25. By |w|: pixel 2 down 0.25 (gain 4 each), pixel 1 up has no room, pixel 0 up the rest.
  const Ball ball{.centre = Eigen::Vector3d(0.5, 1.0, 0.25), .radius = 0.5};
  const LinearMaximum best = maximise_linear(ball, Eigen::Vector3d(2, 3, -4));
  EXPECT_DOUBLE_EQ(best.value, 4 * 0.25 + 2 * 0.25);
  EXPECT_TRUE(best.maximiser.isApprox(Eigen::Vector3d(0.75, 1.0, 0.0)));
}

TEST(Ball, LinearMaximumIsAttainedAndNoSampledPointExceedsIt) {
  base::RandomStream random(1, "samples");
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const Ball ball = random_ball(12, seed);
    const Eigen::VectorXd w = random_vector(12, random);
    const LinearMaximum best = maximise_linear(ball, w);
    EXPECT_TRUE(contains(ball, best.maximiser, 1e-12));
    EXPECT_NEAR(w.dot(best.maximiser - ball.centre), best.value, 1e-12);
    for (int i = 0; i < 200; ++i) EXPECT_LE(w.dot(random_point(ball, random) - ball.centre), best.value + 1e-12);
  }
}

TEST(Ball, LinearMaximumStopsAtTheBoxWhenTheBudgetIsLarge) {
  const Ball ball{.centre = Eigen::Vector2d(0.5, 0.25), .radius = 100};
  EXPECT_DOUBLE_EQ(maximise_linear(ball, Eigen::Vector2d(1, -1)).value, 0.75);
}

TEST(Ball, ProjectionOfAPointInsideIsThePoint) {
  const Ball ball{.centre = Eigen::Vector2d(0.5, 0.5), .radius = 0.5};
  EXPECT_EQ(project(ball, Eigen::Vector2d(0.6, 0.3)), Eigen::Vector2d(0.6, 0.3));
}

TEST(Ball, ProjectionOfAHandComputedCase) {
  // Without the box: soft threshold of (0.8, 0.6) with budget 1 gives t = 0.2, (0.6, 0.4); the box caps the first at 0.5, so t = 0.1, (0.5,
  // 0.5).
  const Ball ball{.centre = Eigen::Vector2d(0.5, 0.25), .radius = 1.0};
  EXPECT_TRUE(project(ball, Eigen::Vector2d(1.3, 0.85)).isApprox(Eigen::Vector2d(1.0, 0.75), 1e-14));
}

/// Variational inequality: z is the projection of v exactly if (v - z).(x - z) <= 0 for every x in B, that is if z maximises (v - z).x over
/// B.
TEST(Ball, ProjectionSatisfiesTheVariationalInequality) {
  base::RandomStream random(2, "points");
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const Ball ball = random_ball(15, seed);
    const Eigen::VectorXd v = ball.centre + random_vector(15, random, seed % 2 ? 2.0 : 0.4);
    const Eigen::VectorXd z = project(ball, v);
    EXPECT_TRUE(contains(ball, z, 1e-12)) << seed;
    const Eigen::VectorXd w = v - z;
    EXPECT_LE(maximise_linear(ball, w).value - w.dot(z - ball.centre), 1e-12) << seed;
  }
}

TEST(Ball, ClipAndScaleLeavesFeasiblePointsAloneAndRepairsOthers) {
  base::RandomStream random(3, "points");
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const Ball ball = random_ball(10, seed);
    const Eigen::VectorXd inside = random_point(ball, random);
    EXPECT_EQ(clip_and_scale(ball, inside), inside);
    const Eigen::VectorXd outside = ball.centre + random_vector(10, random, 3.0);
    EXPECT_TRUE(contains(ball, clip_and_scale(ball, outside), 1e-6));
  }
}

TEST(Ball, ClipAndScaleKeepsADistanceWithinTheRelativeToleranceOnly) {
  const Ball ball{.centre = Eigen::Vector2d(0, 0), .radius = 0.5};
  const Eigen::Vector2d within(0.5 * (1 + 0.9e-6), 0), beyond(0.5 * (1 + 1.1e-6), 0);
  EXPECT_EQ(clip_and_scale(ball, within), within);
  EXPECT_EQ(clip_and_scale(ball, beyond), Eigen::Vector2d(0.5, 0));
}

TEST(Ball, TheUnitBoxIsABallThatCutsNothingOff) {
  const Ball box = unit_box(7);
  const Eigen::VectorXd w = Eigen::VectorXd::LinSpaced(7, -3, 4);
  EXPECT_EQ(maximise_linear(box, w).maximiser, (w.array() > 0).cast<double>().matrix());
  EXPECT_TRUE(contains(box, Eigen::VectorXd::Ones(7)));
  EXPECT_TRUE(contains(box, Eigen::VectorXd::Zero(7)));
}

}  // namespace
}  // namespace espalier::problem
