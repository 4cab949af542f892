// Solver bab against the reference problems and against Cbc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "espalier/engine/solve.hpp"
#include "problem/reference.hpp"

namespace espalier::engine {
namespace {

using espalier::testing::random_problem;
using espalier::testing::reference_problem;
using problem::Problem;

TEST(Native, FindsAndProvesTheOptimaOfReferenceProblems) {
  for (const Problem& problem : espalier::testing::reference_problems()) {
    // The two that take a second or more are left to the tests labelled reference.
    if (problem.name == "mnist_18_3x24_20" || problem.name == "mnist_18_2x32_cbc_wrong") continue;
    const SolveResult r = solve(problem, SolveSettings{.solver = "bab"});
    const double tolerance = 1e-5 * (1 + std::abs(*problem.optimum));
    EXPECT_EQ(r.status, Status::optimal) << problem.name << ": " << r.detail;
    EXPECT_NEAR(*r.claimed_objective, *problem.optimum, tolerance) << problem.name;
    EXPECT_NEAR(*r.verified_objective, *problem.optimum, tolerance) << problem.name;
    EXPECT_LE(r.dual_bound, *problem.optimum + tolerance) << problem.name;
    EXPECT_GE(r.dual_bound, *problem.optimum - 1e-7) << problem.name;
    EXPECT_EQ(r.adversarial_input.has_value(), *problem.optimum > 0) << problem.name;
    ASSERT_FALSE(r.bound_trace.empty());
    EXPECT_EQ(r.bound_trace.back().bound, r.dual_bound);
    for (std::size_t i = 1; i < r.bound_trace.size(); ++i) {
      EXPECT_LT(r.bound_trace[i].bound, r.bound_trace[i - 1].bound);
      EXPECT_GE(r.bound_trace[i].seconds, r.bound_trace[i - 1].seconds);
    }
    EXPECT_GT(r.neurons.unstable, 0);
    EXPECT_NEAR(r.total_seconds, r.bounds_seconds + r.embed_seconds + r.solver_seconds, 1e-9);
  }
}

std::vector<nn::OutputFunction> random_functions(Eigen::Index outputs, std::uint64_t seed) {
  base::RandomStream random(seed, "functions");
  std::vector<nn::OutputFunction> functions(1 + seed % 3);
  for (nn::OutputFunction& f : functions) {
    f.coefficients = Eigen::VectorXd::NullaryExpr(outputs, [&random] { return random.uniform(-3, 3); });
    f.constant = random.uniform(-2, 2);
  }
  return functions;
}

TEST(Native, TheUntargetedMaximumIsTheLargestTargetedOne) {
  for (const char* name : {"mnist_14_2x16_0", "fashion_14_2x16_50"}) {
    Problem problem = reference_problem(name);
    double largest = -milp::infinity;
    std::int64_t nodes = 0;
    for (int c = 0; c < 10; ++c) {
      if (c == problem.label) continue;
      problem.target = c;
      const SolveResult one = solve(problem, SolveSettings{});
      ASSERT_EQ(one.status, Status::optimal) << one.detail;
      largest = std::max(largest, *one.verified_objective);
      nodes += one.nodes;
    }
    problem.target.reset();
    const SolveResult all = solve(problem, SolveSettings{});
    EXPECT_EQ(all.status, Status::optimal) << all.detail;
    EXPECT_NEAR(*all.verified_objective, largest, 1e-5 * (1 + std::abs(largest)));
    EXPECT_LT(all.nodes, nodes) << "targets that cannot be best are closed at their root";
    EXPECT_TRUE(*all.class_changed || largest < 0);
  }
}

TEST(Native, AgreesWithCbcOnProblemsOfAllShapes) {
  struct Shape {
    std::vector<int> widths;
    double epsilon;
    double pruned;
  };
  const std::vector<Shape> shapes{{{12, 6, 3}, 1.0, 0},           {{12, 6, 6, 3}, 0.1, 0},   {{12, 6, 6, 3}, 2.0, 0.5},
                                  {{8, 5, 5, 5, 5, 2}, 1.0, 0.2}, {{20, 10, 3}, 100.0, 0},   {{20, 12, 4, 3}, 1.0, 0.8},
                                  {{15, 3, 10, 3}, 1.5, 0},       {{30, 14, 14, 4}, 3.0, 0}, {{40, 30, 3}, 4.0, 0}};
  for (std::size_t s = 0; s < shapes.size(); ++s) {
    for (std::uint64_t seed = 0; seed < 3; ++seed) {
      Problem problem = random_problem(shapes[s].widths, 10 * s + seed, shapes[s].epsilon, shapes[s].pruned);
      if (seed == 1) problem.target.reset();
      if (seed == 2) problem.functions = random_functions(problem.network.outputs(), s);
      const SolveResult cbc = solve(problem, SolveSettings{.solver = "cbc", .bounds = "crown"}),
                        bab = solve(problem, SolveSettings{.solver = "bab"});
      ASSERT_EQ(cbc.status, Status::optimal) << cbc.detail;
      EXPECT_EQ(bab.status, Status::optimal) << s << " " << seed << ": " << bab.detail;
      EXPECT_NEAR(*bab.verified_objective, *cbc.verified_objective, 1e-5 * (1 + std::abs(*cbc.verified_objective))) << s << " " << seed;
      EXPECT_GE(bab.dual_bound, *cbc.verified_objective - 1e-9) << s << " " << seed;
    }
  }
}

/// Balls that reach over the box and such that do not: leaves, where the sides of all neurons and the ball meet.
TEST(Native, ProvesMaximaOverEuclideanBalls) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Problem problem = random_problem({5, 9, 8, 3}, seed, 0.4 + 0.1 * static_cast<double>(seed % 20));
    problem.norm = problem::Norm::l2;
    if (seed % 3 == 1) problem.target.reset();
    if (seed % 3 == 2)
      problem.functions = {{.coefficients = Eigen::Vector3d(1, 1e-9, -1e-3), .constant = -1e5},
                           {.coefficients = Eigen::Vector3d(-2, 0, 1)}};
    const SolveResult r = solve(problem, SolveSettings{.time_limit_seconds = 60});
    EXPECT_EQ(r.status, Status::optimal) << seed << ": " << r.detail;
    base::RandomStream random(seed, "samples");
    for (int i = 0; i < 200; ++i)
      EXPECT_LE(problem.objective()(nn::forward(problem.network, espalier::testing::random_point(problem.region(), random))), r.dual_bound)
          << seed;
  }
}

void expect_zero(const Problem& problem, const std::string& where) {
  const SolveResult r = solve(problem, {.node_limit = 100});
  EXPECT_EQ(r.status, Status::optimal) << where << ": " << r.detail;
  EXPECT_NEAR(*r.verified_objective, 0, 1e-15) << where;
  EXPECT_GE(r.dual_bound, *r.verified_objective) << where;
  EXPECT_LT(r.dual_bound, 1e-11) << where;
  EXPECT_LE(r.nodes, 2) << where << ": the roots of at most two functions";
  const SolveResult sign = solve(problem, {.goal = Goal::decide, .node_limit = 100});
  EXPECT_EQ(sign.status, Status::limit) << where << ": neither adversarial nor robust";
  EXPECT_EQ(sign.reason, "undecided") << where << ": " << sign.detail;
  EXPECT_FALSE(sign.adversarial_input) << where;
}

/// No branching helps against what float64 rounds in the output layer.
TEST(Native, AMarginThatIsZeroEverywhereEndsAtItsRoots) {
  for (const bool equal_rows : {false, true}) {
    for (const problem::Norm norm : {problem::Norm::l1, problem::Norm::l2}) {
      Problem problem = random_problem({20, 24, 24, 3}, 5, 2.0);
      problem.norm = norm;
      nn::Layer& output = problem.network.layers.back();
      for (Eigen::Index i = 0; i < 3; ++i) output.weight.row(i) *= equal_rows ? 1.0F : 0.0F;
      for (Eigen::Index i = 1; i < 3; ++i) output.weight.row(i) = output.weight.row(0);
      output.bias.setConstant(0.3F);
      const std::string where = equal_rows ? "equal rows" : "rows of zeros";
      expect_zero(problem, where + ", one target");
      problem.target.reset();
      expect_zero(problem, where + ", any target");
      problem.functions = {{.coefficients = Eigen::Vector3d(1, -1, 0)}, {.coefficients = Eigen::Vector3d(0.1, 0.2, -0.3)}};
      expect_zero(problem, where + ", functions");
    }
  }
}

TEST(Native, DecidesTheSign) {
  const SolveResult robust = solve(reference_problem("mnist_18_2x24_0"), SolveSettings{.solver = "bab", .goal = Goal::decide});
  EXPECT_EQ(robust.status, Status::robust) << robust.detail;
  EXPECT_LT(robust.dual_bound, 0);
  EXPECT_GE(robust.dual_bound, *reference_problem("mnist_18_2x24_0").optimum);
  EXPECT_GT(robust.nodes, 0);
  for (const Problem& problem : espalier::testing::reference_problems()) {
    if (*problem.optimum <= 0) continue;
    const SolveResult r = solve(problem, SolveSettings{.solver = "bab", .goal = Goal::decide});
    EXPECT_EQ(r.status, Status::adversarial) << problem.name;
    EXPECT_EQ(r.nodes, 0) << problem.name;  // the attack is enough
    EXPECT_GT(*r.verified_objective, 0) << problem.name;
  }
}

TEST(Native, LimitsAreNamedAndANodeLimitIsReproducible) {
  const Problem& problem = reference_problem("mnist_18_3x24_20");
  const SolveSettings settings{.solver = "bab", .node_limit = 50, .seed = 5};
  const SolveResult first = solve(problem, settings), again = solve(problem, settings);
  EXPECT_EQ(first.status, Status::limit);
  EXPECT_EQ(first.limit, "nodes");
  EXPECT_EQ(first.dual_bound, again.dual_bound);
  EXPECT_EQ(first.iterations, again.iterations);
  EXPECT_EQ(*first.input, *again.input);
  EXPECT_GE(first.dual_bound, *problem.optimum);
  const SolveResult none = solve(problem, SolveSettings{.solver = "bab", .time_limit_seconds = 0});
  EXPECT_EQ(none.status, Status::limit);
  EXPECT_EQ(none.limit, "time");
  const SolveResult stopped = solve(problem, SolveSettings{.solver = "bab", .stop_requested = [] { return true; }});
  EXPECT_EQ(stopped.status, Status::limit);
  EXPECT_EQ(stopped.reason, "stopped");
}

TEST(Native, OnASurrogateTheDenseNetworkAnswers) {
  const Problem& problem = reference_problem("fashion_18_2x24_0");
  nn::Network surrogate = problem.network;
  for (nn::Layer& layer : surrogate.layers) layer.weight = (layer.weight.array().abs() < 0.05F).select(0.0F, layer.weight);
  for (const OnSuccess on_success : {OnSuccess::stop, OnSuccess::go_on}) {
    const SolveResult r = solve(problem, surrogate, SolveSettings{.solver = "bab", .on_success = on_success});
    EXPECT_FALSE(r.dense);
    EXPECT_EQ(r.status, r.adversarial_input ? Status::adversarial : Status::surrogate_solved) << r.detail;
    EXPECT_LE(*r.verified_objective, *problem.optimum + 1e-6);
  }
}

TEST(SurrogateThenDense, IsAsExactAsTheDenseNetwork) {
  for (const char* solver : {"bab", "cbc"}) {
    for (const char* name : {"fashion_14_2x16_0", "mnist_18_2x24_0"}) {
      const Problem& problem = reference_problem(name);
      nn::Network surrogate = problem.network;
      for (nn::Layer& layer : surrogate.layers) layer.weight = (layer.weight.array().abs() < 0.1F).select(0.0F, layer.weight);
      SolveSettings settings{.solver = solver, .bounds = "crown", .protocol = Protocol::surrogate_then_dense};
      const SolveResult r = solve(problem, surrogate, settings);
      EXPECT_EQ(r.status, Status::optimal) << solver << " " << name << ": " << r.detail;
      EXPECT_TRUE(r.dense);
      EXPECT_NEAR(*r.claimed_objective, *problem.optimum, 1e-5 * (1 + std::abs(*problem.optimum)));
      EXPECT_NEAR(r.dual_bound, *problem.optimum, 1e-5 * (1 + std::abs(*problem.optimum)));
      EXPECT_GT(r.surrogate_seconds, 0);
      EXPECT_LT(r.surrogate_seconds, r.total_seconds);
      for (std::size_t i = 1; i < r.bound_trace.size(); ++i) EXPECT_LT(r.bound_trace[i].bound, r.bound_trace[i - 1].bound);
      settings.goal = Goal::decide;
      const SolveResult sign = solve(problem, surrogate, settings);
      EXPECT_EQ(sign.status, *problem.optimum > 0 ? Status::adversarial : Status::robust) << solver << " " << name << ": " << sign.detail;
    }
  }
}

TEST(SurrogateThenDense, ASuccessOnTheSurrogateIsTheEnd) {
  const Problem& problem = reference_problem("fashion_14_2x16_0");
  nn::Network surrogate = problem.network;
  surrogate.layers[0].weight(0, 0) += 1e-3F;
  const SolveSettings settings{.solver = "bab", .on_success = OnSuccess::stop, .protocol = Protocol::surrogate_then_dense};
  const SolveResult r = solve(problem, surrogate, settings);
  EXPECT_EQ(r.status, Status::adversarial) << r.detail;
  EXPECT_FALSE(r.dense);
  EXPECT_EQ(r.surrogate_seconds, 0);
}

TEST(Native, DegenerateProblemsHaveAnAnswer) {
  const Problem linear = random_problem({20, 4}, 3, 1.0);
  const SolveResult cbc = solve(linear, SolveSettings{.solver = "cbc"}), r = solve(linear, SolveSettings{.solver = "bab"});
  EXPECT_EQ(r.status, Status::optimal) << r.detail;
  EXPECT_NEAR(*r.verified_objective, *cbc.verified_objective, 1e-9);
  EXPECT_GE(r.dual_bound, *r.verified_objective);
  Problem dead = random_problem({20, 5, 4}, 7, 1.5);
  dead.network.layers[1].weight.setZero();
  const SolveResult same = solve(dead, SolveSettings{.solver = "bab"});
  EXPECT_EQ(same.status, Status::optimal) << same.detail;
  EXPECT_NEAR(same.dual_bound, *same.verified_objective, 1e-9);
  Problem clean = random_problem({12, 6, 3}, 1, 0.5);  // adversarial at the clean input already
  std::swap(clean.label, *clean.target);
  const SolveResult at_once = solve(clean, SolveSettings{.solver = "bab", .goal = Goal::decide});
  EXPECT_EQ(at_once.status, Status::adversarial);
  EXPECT_TRUE(at_once.clean_input_misclassified);
  EXPECT_EQ(at_once.incumbents, 1);
}

}  // namespace
}  // namespace espalier::engine
