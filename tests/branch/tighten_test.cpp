// Bounds "obbt-lp" and "obbt-mip", and the tightening behind them.
#include "espalier/branch/tighten.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "espalier/nn/network.hpp"
#include "problem/reference.hpp"

namespace espalier::branch {
namespace {

using bounds::Bounds;
using espalier::testing::random_point;
using espalier::testing::random_problem;
using espalier::testing::reference_problems;
using problem::Problem;

void expect_contains(const Bounds& bounds, const nn::Network& network, const Eigen::VectorXd& input, double slack,
                     const std::string& where) {
  const std::vector<Eigen::VectorXd> g = nn::pre_activations(network, input);
  for (std::size_t k = 0; k < g.size(); ++k) {
    EXPECT_LE((bounds.layers[k].lower - g[k]).maxCoeff(), slack) << where << " layer " << k;
    EXPECT_LE((g[k] - bounds.layers[k].upper).maxCoeff(), slack) << where << " layer " << k;
  }
}

double mean_width(const Bounds& bounds) {
  double width = 0;
  for (std::size_t k = 1; k + 1 < bounds.layers.size(); ++k) width += (bounds.layers[k].upper - bounds.layers[k].lower).mean();
  return width;
}

TEST(Tighten, ContainsSampledAndOptimalActivationsOfEveryReferenceProblem) {
  base::RandomStream random(1, "points");
  double plain_width = 0, lp_width = 0, mip_width = 0;
  for (const Problem& problem : reference_problems()) {
    const Bounds plain = make_bounds_method("alpha-crown")->compute(problem.network, problem.region());
    for (const char* name : {"obbt-lp", "obbt-mip"}) {
      const Bounds bounds = make_bounds_method(name)->compute(problem.network, problem.region());
      check(bounds, problem.network, name);
      expect_contains(bounds, problem.network, *problem.optimal_input, 1e-9, problem.name + " " + name);
      for (int i = 0; i < 200; ++i)
        expect_contains(bounds, problem.network, random_point(problem.region(), random), 0, problem.name + " " + name);
      for (std::size_t k = 0; k < bounds.layers.size(); ++k) {
        EXPECT_TRUE((bounds.layers[k].lower.array() >= plain.layers[k].lower.array()).all()) << problem.name << " " << name;
        EXPECT_TRUE((bounds.layers[k].upper.array() <= plain.layers[k].upper.array()).all()) << problem.name << " " << name;
      }
      (name == std::string("obbt-lp") ? lp_width : mip_width) += mean_width(bounds);
    }
    plain_width += mean_width(plain);
  }
  EXPECT_LT(lp_width, plain_width);
  EXPECT_LT(mip_width, 0.97 * lp_width);
}

/// Many nodes leave no gap: the bounds are the extremes, and many random points come near them.
TEST(Tighten, WithManyNodesTheExtremesOfANeuronAreMet) {
  const Problem problem = random_problem({10, 8, 6, 3}, 5, 1.5);
  Bounds bounds = make_bounds_method("alpha-crown")->compute(problem.network, problem.region());
  EXPECT_GT(tighten(problem.network, problem.region(), {.nodes = 100000}, bounds), 0);
  base::RandomStream random(2, "points");
  Eigen::VectorXd least = bounds.layers[1].upper, most = bounds.layers[1].lower;
  for (int i = 0; i < 100000; ++i) {
    const Eigen::VectorXd g = nn::pre_activations(problem.network, random_point(problem.region(), random))[1];
    least = least.cwiseMin(g);
    most = most.cwiseMax(g);
  }
  for (Eigen::Index i = 0; i < least.size(); ++i) {
    if (bounds::classify(bounds.layers[1].lower[i], bounds.layers[1].upper[i]) != bounds::ReluCase::unstable) continue;
    const double range = most[i] - least[i];
    EXPECT_GE(bounds.layers[1].upper[i], most[i]);
    EXPECT_LE(bounds.layers[1].lower[i], least[i]);
    EXPECT_LE(bounds.layers[1].upper[i] - bounds.layers[1].lower[i], 1.5 * range) << i;
  }
}

TEST(Tighten, StopsWhenAskedAndIsDeterministic) {
  const Problem problem = random_problem({12, 8, 8, 8, 3}, 9, 2.0);
  const Bounds start = make_bounds_method("alpha-crown")->compute(problem.network, problem.region());
  Bounds stopped = start;
  EXPECT_EQ(tighten(problem.network, problem.region(), {.budget = base::Budget(0)}, stopped), 0);
  check(stopped, problem.network, "test");
  Bounds first = start, second = start;
  EXPECT_EQ(tighten(problem.network, problem.region(), {}, first), tighten(problem.network, problem.region(), {}, second));
  for (std::size_t k = 0; k < first.layers.size(); ++k) {
    EXPECT_EQ(first.layers[k].lower, second.layers[k].lower);
    EXPECT_EQ(first.layers[k].upper, second.layers[k].upper);
  }
}

TEST(Tighten, NamesOfMethods) {
  EXPECT_THAT(bounds_method_names(), ::testing::ElementsAre("interval-box", "interval", "crown", "alpha-crown", "obbt-lp", "obbt-mip"));
  for (const std::string& name : bounds_method_names()) EXPECT_EQ(make_bounds_method(name)->name(), name);
  try {
    make_bounds_method("obbt-milp");
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("did you mean 'obbt-mip'?"));
  }
}

}  // namespace
}  // namespace espalier::branch
