#include "espalier/problem/region.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "espalier/milp/linear_program.hpp"
#include "espalier/problem/region_columns.hpp"
#include "problem/reference.hpp"

namespace espalier::problem {
namespace {

using espalier::testing::random_image;
using espalier::testing::random_point;

struct Kind {
  Norm norm;
  bool unit_box;
};
constexpr Kind kinds[]{{Norm::l1, true},       {Norm::l1, false},       {Norm::linf, false}, {Norm::none, false},
                       {Norm::row_wise, true}, {Norm::row_wise, false}, {Norm::l2, true},    {Norm::l2, false}};

/// By seed one of the kinds; sides of a box of its own may have no length. Rows have a third of the inputs.
Region random_region(Eigen::Index pixels, std::uint64_t seed) {
  base::RandomStream random(seed, "region");
  const Kind kind = kinds[seed % std::size(kinds)];
  Eigen::VectorXd image = random_image(pixels, random);
  const double radius = random.uniform(0.05, 4.0) / (kind.norm == Norm::linf ? 4 : 1);
  Box box = unit_box(pixels);
  for (Eigen::Index k = 0; k < pixels && !kind.unit_box; ++k) {
    box.lower[k] = image[k] - (random.below(4) == 0 ? 0.0 : random.uniform(0, 3));
    box.upper[k] = image[k] + (random.below(4) == 0 ? 0.0 : random.uniform(0, 3));
  }
  return make_region(kind.norm, std::move(image), radius, std::move(box), pixels / 3);
}

Eigen::VectorXd random_vector(Eigen::Index size, base::RandomStream& random, double scale = 1) {
  Eigen::VectorXd v(size);
  for (double& value : v) value = random.uniform(-scale, scale);
  return v;
}

TEST(Region, DistanceIsTheSumOfAbsoluteDifferencesOrTheLargestOrThatOfRows) {
  EXPECT_DOUBLE_EQ(distance(Norm::row_wise, Eigen::Vector4d(0.25, 1, 0, 0.25), Eigen::Vector4d(0.5, 0.5, 0, 0), 2), 0.5 + 0.25);
  EXPECT_DOUBLE_EQ(distance(Norm::l2, Eigen::Vector3d(0.25, 1, 0), Eigen::Vector3d(0.5, 0.5, 0)), std::sqrt(0.3125));
  EXPECT_DOUBLE_EQ(distance(Norm::linf, Eigen::Vector3d(0.25, 1, 0), Eigen::Vector3d(0.5, 0.5, 0)), 0.5);
  EXPECT_DOUBLE_EQ(distance(problem::Norm::l1, Eigen::Vector3d(0.25, 1, 0), Eigen::Vector3d(0.5, 0.5, 0)), 0.75);
}

TEST(Region, ContainsItsCentreAndNoPointBeyondTheRadiusOrTheBox) {
  const Region region = l1_region(Eigen::Vector2d(0.5, 1.0), 0.5);
  EXPECT_TRUE(contains(region, region.centre));
  EXPECT_TRUE(contains(region, Eigen::Vector2d(0.25, 0.75)));
  EXPECT_FALSE(contains(region, Eigen::Vector2d(0.2, 0.75)));
  EXPECT_FALSE(contains(region, Eigen::Vector2d(0.5, 1.1)));
  EXPECT_FALSE(contains(region, Eigen::Vector2d(std::nan(""), 1.0)));
}

TEST(Region, LinearMaximumOfAHandComputedCase) {
  // Room: up 0.5, 0, 0.75; down 0.5, 1, 0.25. By |w|: pixel 2 down 0.25 (gain 4 each), pixel 1 up has no room, pixel 0 up the rest.
  const Region region = l1_region(Eigen::Vector3d(0.5, 1.0, 0.25), 0.5);
  const LinearMaximum best = maximise_linear(region, Eigen::Vector3d(2, 3, -4));
  EXPECT_DOUBLE_EQ(best.value, 4 * 0.25 + 2 * 0.25);
  EXPECT_TRUE(best.maximiser.isApprox(Eigen::Vector3d(0.75, 1.0, 0.0)));
}

TEST(Region, LinearMaximumIsAttainedAndNoSampledPointExceedsIt) {
  base::RandomStream random(1, "samples");
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const Region region = random_region(12, seed);
    const Eigen::VectorXd w = random_vector(12, random);
    const LinearMaximum best = maximise_linear(region, w);
    EXPECT_TRUE(contains(region, best.maximiser, 1e-12));
    EXPECT_NEAR(w.dot(best.maximiser - region.centre), best.value, 1e-12);
    for (int i = 0; i < 200; ++i) EXPECT_LE(w.dot(random_point(region, random) - region.centre), best.value + 1e-12);
  }
}

TEST(Region, LinearMaximumStopsAtTheBoxWhenTheBudgetIsLarge) {
  const Region region = l1_region(Eigen::Vector2d(0.5, 0.25), 100);
  EXPECT_DOUBLE_EQ(maximise_linear(region, Eigen::Vector2d(1, -1)).value, 0.75);
}

TEST(Region, ProjectionOfAPointInsideIsThePoint) {
  const Region region = l1_region(Eigen::Vector2d(0.5, 0.5), 0.5);
  EXPECT_EQ(project(region, Eigen::Vector2d(0.6, 0.3)), Eigen::Vector2d(0.6, 0.3));
}

TEST(Region, ProjectionOfAHandComputedCase) {
  // Without the box: soft threshold of (0.8, 0.6) with budget 1 gives t = 0.2, (0.6, 0.4); the box caps the first at 0.5, so t = 0.1, (0.5,
  // 0.5).
  const Region region = l1_region(Eigen::Vector2d(0.5, 0.25), 1.0);
  EXPECT_TRUE(project(region, Eigen::Vector2d(1.3, 0.85)).isApprox(Eigen::Vector2d(1.0, 0.75), 1e-14));
}

/// Variational inequality: z is the projection of v exactly if (v - z).(x - z) <= 0 for every x in B, that is if z maximises (v - z).x over
/// B.
TEST(Region, ProjectionSatisfiesTheVariationalInequality) {
  base::RandomStream random(2, "points");
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const Region region = random_region(15, seed);
    const Eigen::VectorXd v = region.centre + random_vector(15, random, seed % 2 ? 2.0 : 0.4);
    const Eigen::VectorXd z = project(region, v);
    EXPECT_TRUE(contains(region, z, 1e-12)) << seed;
    const Eigen::VectorXd w = v - z;
    EXPECT_LE(maximise_linear(region, w).value - w.dot(z - region.centre), 1e-12) << seed;
  }
}

TEST(Region, ClipAndScaleLeavesFeasiblePointsAloneAndRepairsOthers) {
  base::RandomStream random(3, "points");
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const Region region = random_region(12, seed);
    const Eigen::VectorXd inside = random_point(region, random);
    EXPECT_EQ(repair(region, inside), inside);
    const Eigen::VectorXd outside = region.centre + random_vector(12, random, 3.0);
    EXPECT_TRUE(contains(region, repair(region, outside), 1e-6));
  }
}

TEST(Region, ClipAndScaleKeepsADistanceWithinTheRelativeToleranceOnly) {
  const Region region = l1_region(Eigen::Vector2d(0, 0), 0.5);
  const Eigen::Vector2d within(0.5 * (1 + 0.9e-6), 0), beyond(0.5 * (1 + 1.1e-6), 0);
  EXPECT_EQ(repair(region, within), within);
  EXPECT_EQ(repair(region, beyond), Eigen::Vector2d(0.5, 0));
}

TEST(Region, AnLInfinityBallIsABox) {
  const Region region = make_region(Norm::linf, Eigen::Vector3d(-1, 0.5, 1), 0.75, {Eigen::Vector3d(-1.5, 0, 0), Eigen::Vector3d(2, 1, 1)});
  EXPECT_EQ(region.box.lower, Eigen::Vector3d(-1.5, 0, 0.25));
  EXPECT_EQ(region.box.upper, Eigen::Vector3d(-0.25, 1, 1));
  EXPECT_FALSE(region.has_budget());
  EXPECT_EQ(magnitude(region.box), Eigen::Vector3d(1.5, 1, 1));
  const LinearMaximum best = maximise_linear(region, Eigen::Vector3d(2, -1, 0));
  EXPECT_DOUBLE_EQ(best.value, 2 * 0.75 + 0.5);
  EXPECT_EQ(best.maximiser, Eigen::Vector3d(-0.25, 0, 1));
}

/// Every vertex of the box, in few dimensions: a linear function is largest at one of them.
TEST(Region, TheLinearMaximumOverABoxIsThatOfItsVertices) {
  base::RandomStream random(5, "weights");
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const Region region = random_region(8, seed);
    if (region.has_budget()) continue;
    const Eigen::VectorXd w = random_vector(8, random);
    double largest = -std::numeric_limits<double>::infinity();
    for (int vertex = 0; vertex < 256; ++vertex) {
      Eigen::VectorXd x = region.box.lower;
      for (int k = 0; k < 8; ++k)
        if ((vertex >> k) & 1) x[k] = region.box.upper[k];
      largest = std::max(largest, w.dot(x - region.centre));
    }
    EXPECT_NEAR(maximise_linear(region, w).value, largest, 1e-12) << seed;
  }
}

TEST(Region, LinearMaximumOverRowsOfAHandComputedCase) {
  // Rows {0, 1} and {2, 3}. The first gains 3 per unit up to 0.25, where input 1 is at its end, then 2 up to 0.5; the second gains 2.5 up
  // to 1.
  const Region region = make_region(Norm::row_wise, Eigen::Vector4d(0.5, 0.75, 0, 0), 1.0, unit_box(4), 2);
  const LinearMaximum best = maximise_linear(region, Eigen::Vector4d(2, 1, 2.5, -1));
  EXPECT_DOUBLE_EQ(best.value, 3 * 0.25 + 2.5 * 0.75);
  EXPECT_TRUE(best.maximiser.isApprox(Eigen::Vector4d(0.75, 1, 0.75, 0)));
}

/// Where one input of each row has room, the largest change in a row is that input's.
TEST(Region, RowsWithOneInputThatMovesAreTheL1Ball) {
  base::RandomStream random(6, "weights");
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const Region any = random_region(12, seed);
    Box box{.lower = any.centre, .upper = any.centre};
    for (Eigen::Index row = 0; row < 4; ++row) {
      const auto k = 3 * row + static_cast<Eigen::Index>(random.below(3));
      box.lower[k] = any.box.lower[k];
      box.upper[k] = any.box.upper[k];
    }
    const Region l1 = make_region(Norm::l1, any.centre, 0.5, box), rows = make_region(Norm::row_wise, any.centre, 0.5, box, 3);
    const Eigen::VectorXd w = random_vector(12, random), x = any.centre + random_vector(12, random);
    EXPECT_TRUE(maximise_linear(rows, w).maximiser.isApprox(maximise_linear(l1, w).maximiser, 1e-14)) << seed;
    EXPECT_TRUE(project(rows, x).isApprox(project(l1, x), 1e-12)) << seed;
  }
}

/// By linear programs over the region's columns and rows, which are none of the maximiser's business.
TEST(Region, TheLinearMaximumIsThatOfALinearProgram) {
  base::RandomStream random(7, "weights");
  for (std::uint64_t seed = 0; seed < 120; ++seed) {
    const Region region = random_region(12, seed);
    if (!region.is_polytope()) continue;
    const Eigen::VectorXd w = random_vector(12, random);
    for (const bool only_wanted : {false, true}) {
      milp::Model model;
      const std::vector<bool> wanted(12, true);
      const RegionColumns columns = only_wanted ? RegionColumns(model, region, wanted) : RegionColumns(model, region);
      std::vector<milp::Term> terms;
      for (Eigen::Index k = 0; k < 12; ++k) columns.append(terms, k, w[k]);
      model.set_objective(milp::Sense::maximise, terms);
      const milp::LinearProgram::Solution solution = milp::LinearProgram(model).solve();
      ASSERT_EQ(solution.status, milp::LinearProgram::Status::optimal);
      const LinearMaximum best = maximise_linear(region, w);
      EXPECT_NEAR(solution.objective, best.value, 1e-9 * (1 + best.value)) << seed;
      EXPECT_TRUE(contains(region, columns.read(solution.x), 1e-7)) << seed;
      // A point of the region is one of the model.
      std::vector<double> point(model.columns().size());
      columns.write(point, best.maximiser);
      EXPECT_LE(model.violation(point), 1e-12) << seed;
      EXPECT_TRUE(columns.read(point).isApprox(best.maximiser, 1e-14)) << seed;
    }
  }
}

TEST(Region, ABallAroundTheMiddleOfALargeBoxHasTheDirectionAsMaximiser) {
  const Region ball = make_region(Norm::l2, Eigen::Vector3d(0.5, 0.5, 0.5), 0.25, unit_box(3));
  const LinearMaximum best = maximise_linear(ball, Eigen::Vector3d(2, -1, 2));
  EXPECT_DOUBLE_EQ(best.value, 0.25 * 3);
  EXPECT_TRUE(best.maximiser.isApprox(Eigen::Vector3d(0.5 + 0.5 / 3, 0.5 - 0.25 / 3, 0.5 + 0.5 / 3), 1e-15));
  EXPECT_TRUE(project(ball, Eigen::Vector3d(2.5, -0.5, 2.5)).isApprox(best.maximiser, 1e-15));
  // Input 0 has room for 0.1: the others share what is left of the squares.
  const Region cut = make_region(Norm::l2, Eigen::Vector3d(0.9, 0.5, 0.5), 0.25, unit_box(3));
  const double left = std::sqrt(0.0625 - 0.01);
  EXPECT_NEAR(maximise_linear(cut, Eigen::Vector3d(2, -1, 0)).value, 2 * 0.1 + left, 1e-15);
  EXPECT_NEAR(maximise_linear(cut, Eigen::Vector3d(4, -3, 4)).value, 4 * 0.1 + 5 * left, 1e-15);
}

/// By bisection on the multiplier of the ball: g(t) = sum of |w| min(room, t |w|) + (r^2 - ||min(room, t |w|)||^2) / (2 t) is at least the
/// maximum for every t, and equal to it at the best.
TEST(Region, TheLinearMaximumOverABallIsThatOfItsDual) {
  base::RandomStream random(8, "weights");
  int binding = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    const Region region = random_region(12, seed);
    if (region.is_polytope()) continue;
    Eigen::VectorXd w = random_vector(12, random);
    for (double& each : w) each *= std::pow(10.0, random.uniform(-3, 3)) * static_cast<double>(random.below(4) > 0);
    const auto moved = [&](double t) {
      return Eigen::VectorXd::NullaryExpr(12,
                                          [&](Eigen::Index k) {
                                            return std::min(
                                                w[k] > 0 ? region.box.upper[k] - region.centre[k] : region.centre[k] - region.box.lower[k],
                                                t * std::abs(w[k]));
                                          })
          .eval();
    };
    double low = 0, high = 1e9;
    for (int i = 0; i < 200; ++i) (moved(0.5 * (low + high)).norm() < region.radius ? low : high) = 0.5 * (low + high);
    const LinearMaximum best = maximise_linear(region, w);
    EXPECT_NEAR(best.value, w.cwiseAbs().dot(moved(low)), 1e-12 * (1 + best.value)) << seed;
    EXPECT_LE(budget_used(region, best.maximiser), region.radius * (1 + 1e-14)) << seed;
    binding += budget_used(region, best.maximiser) > region.radius * (1 - 1e-9);
  }
  EXPECT_GT(binding, 50);
}

TEST(Region, LengthsThatWouldOverflowOrVanishAsSquaresDoNot) {
  for (const double size : {1e-200, 1e200}) {
    const Region ball = make_region(Norm::l2, Eigen::Vector2d(0.5, 0.5), 0.25, unit_box(2));
    EXPECT_NEAR(maximise_linear(ball, Eigen::Vector2d(3, 4) * size).value / size, 5 * 0.25, 1e-14);
  }
  // One input takes the budget up to rounding; the other is too small to count, and not nothing.
  for (const double s : {1e-7, 1e-8, 1e-9, 1e-12, 1e-20}) {
    const Region ball = make_region(Norm::l2, Eigen::Vector2d(0.5, 0.5), 0.1, unit_box(2));
    const LinearMaximum best = maximise_linear(ball, Eigen::Vector2d(1, s));
    EXPECT_NEAR(best.value, 0.1, 1e-14) << s;
    EXPECT_NEAR(best.maximiser[0], 0.6, 1e-14) << s;
  }
  const Region tiny = make_region(Norm::l2, Eigen::Vector2d(0.5, 0.5), 1e-200, unit_box(2));
  EXPECT_NEAR(maximise_linear(tiny, Eigen::Vector2d(3, 4)).value / 1e-200, 5, 1e-14);
}

TEST(Region, TheUnitBoxAloneHasItsCorners) {
  const Region box = box_region(unit_box(7));
  const Eigen::VectorXd w = Eigen::VectorXd::LinSpaced(7, -3, 4);
  EXPECT_EQ(maximise_linear(box, w).maximiser, (w.array() > 0).cast<double>().matrix());
  EXPECT_TRUE(contains(box, Eigen::VectorXd::Ones(7)));
  EXPECT_TRUE(contains(box, Eigen::VectorXd::Zero(7)));
}

}  // namespace
}  // namespace espalier::problem
