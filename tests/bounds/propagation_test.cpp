#include "espalier/bounds/propagation.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <numeric>

#include "espalier/bounds/slope_search.hpp"
#include "problem/reference.hpp"

namespace espalier::bounds {
namespace {

using espalier::testing::random_point;
using espalier::testing::random_problem;
using problem::Problem;

TEST(LinearRelaxation, AreOnTheRightSideOfTheReluForAllKindsOfBounds) {
  base::RandomStream random(1, "bounds");
  for (int i = 0; i < 20000; ++i) {
    const double scale = std::pow(10.0, random.uniform(-12, 6));
    const double lower = scale * random.uniform(-1, 0.2), upper = lower + scale * random.uniform();
    const LinearRelaxation relaxation = linear_relaxation(lower, upper);
    for (const double g : {lower, upper, lower + random.uniform() * (upper - lower), std::clamp(0.0, lower, upper)}) {
      if (g < lower || g > upper) continue;  // rounding of the third
      // No tolerance beyond the test's own product and sum.
      const double rounding = 4e-16 * (std::abs(lower) + std::abs(upper));
      EXPECT_GE(relaxation.upper_slope * g + relaxation.upper_intercept, std::max(0.0, g) - rounding) << lower << " " << upper;
      EXPECT_LE(relaxation.lower_slope * g, std::max(0.0, g));
    }
  }
}

/// The bound of the margin with relaxation that `change` may alter.
double margin_bound(Propagation& propagation, const Problem& problem, const std::vector<LayerRelaxation>& relaxation) {
  BackwardPass pass;
  propagation.backward(propagation.margin_rows(problem.objective()), relaxation, pass);
  return pass.upper[0];
}

std::vector<LayerRelaxation> margin_lines(const Bounds& bounds, Eigen::Index rows) {
  std::vector<LayerRelaxation> relaxation;
  for (std::size_t j = 0; j + 1 < bounds.layers.size(); ++j) relaxation.push_back(make_relaxation(bounds.layers[j], rows));
  return relaxation;
}

TEST(Propagation, BoundOfAHandComputedNetwork) {
  // h = (x0 - x1)+, (x0 + x1)+ around (0.5, 0.5) with budget 0.5: g0 in [-0.5, 0.5], g1 in [0.5, 1.5]. margin = y1 - y0 = h0 + h1.
  // h0 <= (g0 + 0.5) / 2, h1 = g1: 1.5 x0 + 0.5 x1 + 0.25, so 1 + 0.25 + 0.5 * 1.5 = 2. -h0 >= ... the other sign: -h0 - h1 <= -a g0 - g1.
  Problem problem;
  problem.network.layers.push_back(
      {.weight = (nn::WeightMatrix(2, 2) << 1, -1, 1, 1).finished(), .bias = Eigen::Vector2f(0, 0), .mask = {}});
  problem.network.layers.push_back(
      {.weight = (nn::WeightMatrix(2, 2) << 0, 0, 1, 1).finished(), .bias = Eigen::Vector2f(0, 0), .mask = {}});
  problem.input = Eigen::Vector2d(0.5, 0.5);
  problem.epsilon = 0.5;
  problem.target = 1;
  const Bounds bounds = make_interval()->compute(problem.network, problem.region());
  Propagation propagation(problem.network, problem.region(), bounds);
  EXPECT_NEAR(margin_bound(propagation, problem, margin_lines(bounds, 1)), 2.0, 1e-13);
  std::swap(problem.label, *problem.target);
  // The tie of upper and -lower takes slope 0: -g1 alone, at most -0.5. With slope 0.5: -1.5 x0 - 0.5 x1, at most -1 + 0.75 = -0.25.
  std::vector<LayerRelaxation> relaxation = margin_lines(bounds, 1);
  EXPECT_NEAR(margin_bound(propagation, problem, relaxation), -0.5, 1e-13);
  relaxation[0].lower_slope(0, 0) = 0.5;
  EXPECT_NEAR(margin_bound(propagation, problem, relaxation), -0.25, 1e-13);
}

TEST(Propagation, IsExactWhereEveryNeuronIsStable) {
  int stable = 0;
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    const Problem problem = random_problem({20, 6, 6, 4}, seed, 0.02);
    const Bounds bounds = make_crown()->compute(problem.network, problem.region());
    if (count_relu_cases(bounds).unstable > 0) continue;
    ++stable;
    Propagation propagation(problem.network, problem.region(), bounds);
    BackwardPass pass;
    propagation.backward(propagation.margin_rows(problem.objective()), margin_lines(bounds, 1), pass);
    const Eigen::VectorXd logits = nn::forward(problem.network, propagation.maximiser(pass, 0));
    EXPECT_NEAR(problem.objective()(logits), pass.upper[0], 1e-12);
    // In the last layer, too: the bounds are attained.
    for (Eigen::Index i = 0; i < 4; ++i) {
      propagation.backward(propagation.neuron_rows(2, std::vector{i}), margin_lines(bounds, 2), pass);
      EXPECT_NEAR(nn::forward(problem.network, propagation.maximiser(pass, 0))[i], bounds.layers[2].upper[i], 1e-12);
      EXPECT_NEAR(nn::forward(problem.network, propagation.maximiser(pass, 1))[i], bounds.layers[2].lower[i], 1e-12);
    }
  }
  EXPECT_GE(stable, 5);
}

TEST(Propagation, AnySlopesGiveAValidBoundAndMultipliersOneUnderTheSplit) {
  base::RandomStream random(3, "slopes");
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Problem problem = random_problem({15, 8, 8, 8, 3}, seed, 1.0);
    const Bounds bounds = make_crown()->compute(problem.network, problem.region());
    Propagation propagation(problem.network, problem.region(), bounds);
    std::vector<LayerRelaxation> relaxation = margin_lines(bounds, 1);
    for (LayerRelaxation& line : relaxation) {
      line.split_multiplier = Rows::Zero(1, line.lower_slope.cols());
      for (Eigen::Index i = 0; i < line.lower_slope.cols(); ++i) {
        if (line.upper_intercept(0, i) > 0) line.lower_slope(0, i) = random.uniform();
        if (random.below(3) == 0) line.split_multiplier(0, i) = random.uniform(-1, 1);
      }
    }
    const double bound = margin_bound(propagation, problem, relaxation);
    for (int p = 0; p < 300; ++p) {
      const Eigen::VectorXd x = random_point(problem.region(), random);
      const std::vector<Eigen::VectorXd> g = nn::pre_activations(problem.network, x);
      // A split multiplier of the right sign at every neuron that it touches.
      double gift = 0;
      for (std::size_t j = 0; j < relaxation.size(); ++j) gift += relaxation[j].split_multiplier.row(0).dot(g[j]);
      EXPECT_LE(problem.objective()(g.back()) + gift, bound) << seed;
    }
  }
}

TEST(Propagation, RelaxedForwardGivesTheDerivativesOfTheBound) {
  const Problem problem = random_problem({15, 8, 8, 8, 3}, 5, 1.0);
  const Bounds bounds = make_interval()->compute(problem.network, problem.region());
  Propagation propagation(problem.network, problem.region(), bounds);
  std::vector<LayerRelaxation> relaxation = margin_lines(bounds, 1);
  base::RandomStream random(1, "slopes");
  for (LayerRelaxation& line : relaxation) {
    line.split_multiplier = Rows::Zero(1, line.lower_slope.cols());
    for (Eigen::Index i = 0; i < line.lower_slope.cols(); ++i)
      if (line.upper_intercept(0, i) > 0) line.lower_slope(0, i) = random.uniform(0.2, 0.8);
  }
  BackwardPass pass;
  std::vector<Rows> g;
  propagation.backward(propagation.margin_rows(problem.objective()), relaxation, pass);
  propagation.relaxed_forward(pass, relaxation, g);
  const double step = 1e-6;
  const auto difference = [&](double& variable) {
    const double value = variable;
    variable = value + step;
    const double above = margin_bound(propagation, problem, relaxation);
    variable = value - step;
    const double below = margin_bound(propagation, problem, relaxation);
    variable = value;
    return (above - below) / (2 * step);
  };
  int moved = 0;
  for (std::size_t j = 0; j < relaxation.size(); ++j) {
    for (Eigen::Index i = 0; i < relaxation[j].lower_slope.cols(); ++i) {
      EXPECT_NEAR(difference(relaxation[j].split_multiplier(0, i)), g[j](0, i), 1e-6) << j << " " << i;
      const double slope = std::min(0.0, pass.coefficients[j](0, i)) * g[j](0, i);
      EXPECT_NEAR(difference(relaxation[j].lower_slope(0, i)), slope, 1e-6) << j << " " << i;
      moved += slope != 0;
    }
  }
  EXPECT_GE(moved, 5);
}

TEST(Propagation, RowsOfABatchDoNotInfluenceEachOther) {
  const Problem problem = random_problem({30, 10, 10, 5}, 2, 1.0);
  const Bounds bounds = make_interval()->compute(problem.network, problem.region());
  Propagation propagation(problem.network, problem.region(), bounds);
  std::vector<Eigen::Index> all(10);
  std::iota(all.begin(), all.end(), Eigen::Index{0});
  BackwardPass batch, single;
  propagation.backward(propagation.neuron_rows(1, all), margin_lines(bounds, 20), batch);
  for (const Eigen::Index i : all) {
    propagation.backward(propagation.neuron_rows(1, std::vector{i}), margin_lines(bounds, 2), single);
    EXPECT_NEAR(single.upper[0], batch.upper[i], 1e-12);
    EXPECT_NEAR(single.upper[1], batch.upper[10 + i], 1e-12);
    EXPECT_EQ(propagation.maximiser(single, 0), propagation.maximiser(batch, static_cast<std::size_t>(i)));
  }
}

TEST(SlopeSearch, NeverGetsWorseWithMoreIterationsAndIsReproducible) {
  for (const Problem& problem : {random_problem({30, 12, 12, 5}, 1, 2.0), espalier::testing::reference_problem("mnist_14_3x16_20")}) {
    const Bounds bounds = make_crown()->compute(problem.network, problem.region());
    Propagation propagation(problem.network, problem.region(), bounds);
    const auto search = [&](int iterations) {
      std::vector<LayerRelaxation> relaxation = margin_lines(bounds, 1);
      return search_slopes(propagation, propagation.margin_rows(problem.objective()), relaxation,
                           {.iterations = iterations, .first_rate = 0.3, .last_rate = 0.3}, {})
          .upper[0];
    };
    const double plain = search(1), some = search(10), many = search(40);
    EXPECT_LT(some, plain);
    EXPECT_LE(many, some);
    EXPECT_EQ(many, search(40));
  }
}

TEST(Propagation, UpperFunctionsAreAboveTheMarginAndLeadToTheSameBound) {
  base::RandomStream random(8, "functions");
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    const Problem problem = random_problem({12, 8, 7, 6, 3}, seed, 1.5);
    const Bounds bounds = make_crown()->compute(problem.network, problem.region());
    Propagation propagation(problem.network, problem.region(), bounds);
    std::vector<LayerRelaxation> relaxation = margin_lines(bounds, 1);
    for (LayerRelaxation& line : relaxation) line.split_multiplier = Rows::Zero(1, line.lower_slope.cols());
    const AffineRows margin = propagation.margin_rows(problem.objective());
    std::vector<PreActivationRows> functions;
    for (std::size_t k = 0; k < 3; ++k) functions.push_back(propagation.upper_functions(margin, relaxation, k));
    const double whole = margin_bound(propagation, problem, relaxation);
    for (std::size_t k = 0; k < 3; ++k) {
      BackwardPass pass;
      propagation.backward(functions[k], std::span(relaxation).first(k), pass);
      EXPECT_GE(pass.upper[0], whole - 1e-12);
      EXPECT_NEAR(pass.upper[0], whole, 1e-9) << "only the padding may differ";
    }
    for (int p = 0; p < 500; ++p) {
      const std::vector<Eigen::VectorXd> g = nn::pre_activations(problem.network, random_point(problem.region(), random));
      const double value = problem.objective()(g.back());
      for (std::size_t k = 0; k < 3; ++k)
        EXPECT_GE(functions[k].coefficients.row(0).dot(g[k]) + functions[k].constant[0] + functions[k].padding[0], value);
    }
  }
}

}  // namespace
}  // namespace espalier::bounds
