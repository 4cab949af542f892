// Every solver with every formulation and every bounds: one truth, and one answer to bad input.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/test_name.hpp"
#include "engine/enumeration.hpp"
#include "espalier/branch/tighten.hpp"
#include "espalier/embed/embed.hpp"
#include "espalier/engine/solve.hpp"
#include "problem/reference.hpp"

namespace espalier::engine {
namespace {

using espalier::testing::random_problem;
using espalier::testing::reference_problem;
using espalier::testing::within_random_box;
using problem::Problem;
using ::testing::HasSubstr;

struct Combination {
  std::string solver, formulation, bounds;

  SolveSettings settings(Goal goal = Goal::optimize) const {
    return {.solver = solver, .formulation = formulation, .bounds = bounds, .goal = goal, .time_limit_seconds = 120};
  }
};

const std::vector<std::string> milp_solvers{"cbc", "external:cbc", "external:glpsol"};

/// All that are allowed and prove optima.
std::vector<Combination> combinations() {
  std::vector<Combination> all{{"bab", "big-m", "alpha-crown"}};
  for (const std::string& solver : milp_solvers)
    for (const std::string& formulation : embed::formulation_names())
      for (const std::string& bounds : branch::bounds_method_names()) all.push_back({solver, formulation, bounds});
  return all;
}

double margin(const Problem& problem, const Eigen::VectorXd& x) {
  const Eigen::VectorXd logits = nn::forward(problem.network, x);
  return problem.objective()(logits);
}

/// Small problems: dense, pruned, deep, already adversarial, over regions of every kind, with objectives of every kind. Their optima are
/// those of enumeration (see the test of that name).
std::vector<Problem> small_problems() {
  std::vector<Problem> problems{random_problem({16, 8, 8, 3}, 11, 1.0, 0.3), random_problem({12, 6, 6, 6, 3}, 4, 0.8),
                                random_problem({20, 10, 4}, 7, 2.0)};
  problems.push_back(problems.back());
  std::swap(problems.back().label, *problems.back().target);
  problems.push_back(within_random_box(random_problem({12, 8, 6, 3}, 21, 1), problem::Norm::l1, 1.5));
  problems.push_back(within_random_box(random_problem({12, 8, 6, 3}, 22, 1), problem::Norm::linf, 0.3));
  problems.push_back(within_random_box(random_problem({8, 7, 6, 3}, 23, 1), problem::Norm::none, 0));
  problems.push_back(within_random_box(random_problem({9, 8, 6, 3}, 24, 1), problem::Norm::row_wise, 0.9));
  problems.push_back(within_random_box(random_problem({6, 7, 6, 3}, 28, 1), problem::Norm::l2, 0.8));
  problems.push_back(random_problem({12, 8, 6, 4}, 25, 0.4));
  problems.back().target.reset();
  problems.push_back(within_random_box(random_problem({10, 8, 6, 3}, 26, 1), problem::Norm::l1, 1.2));
  problems.back().functions = {{.coefficients = Eigen::Vector3d(0.5, -2, 1.5), .constant = -2.5},
                               {.coefficients = Eigen::Vector3d(-1, 0, 0.25), .constant = -1}};
  problems.push_back(random_problem({10, 8, 6, 2}, 27, 1.0));
  nn::Layer& output = problems.back().network.layers.back();
  output = {.weight = output.weight.topRows(1), .bias = output.bias.head(1), .mask = {}};
  problems.back().functions = {{.coefficients = Eigen::VectorXd::Constant(1, -3), .constant = 0.5}};
  constexpr double optima[]{-0.3479145675, -2.1006061264, 1.6674797032, 3.6015738338,  0.1535145254, -0.1315401351,
                            2.6418428643,  0.4751529288,  0.2819143984, -2.1145766692, 1.6012471493, -1.4276170744};
  for (std::size_t i = 0; i < problems.size(); ++i) {
    problems[i].name = "small_" + std::to_string(i);
    problems[i].optimum = optima[i];
  }
  return problems;
}

TEST(Conformance, TheSmallProblemsOptimaAreThoseOfEnumeration) {
  for (const Problem& problem : small_problems()) {
    espalier::testing::Enumeration enumeration(problem);
    EXPECT_NEAR(enumeration.maximum(), *problem.optimum, problem.norm == problem::Norm::l2 ? 1e-6 : 1e-7) << problem.name;
    EXPECT_GE(enumeration.patterns(), 20) << problem.name;
  }
}

/// MILP solvers say that they cannot; false: nothing more is to be asked.
bool takes(const Problem& problem, const Combination& c) {
  if (problem.norm != problem::Norm::l2 || c.solver == "bab") return true;
  try {
    solve(problem, c.settings());
    ADD_FAILURE() << c.solver << " took a Euclidean ball";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.what(),
              fmt::format("solver: expected bab or attack over a region of norm l2, found '{}': a Euclidean ball is no part of "
                          "a linear model",
                          c.solver));
  }
  return false;
}

void expect_optimum(const Problem& problem, const Combination& c) {
  if (!takes(problem, c)) return;
  const SolveResult r = solve(problem, c.settings());
  const double tolerance = 1e-5 * (1 + std::abs(*problem.optimum));
  EXPECT_EQ(r.status, Status::optimal) << problem.name << ": " << r.detail;
  EXPECT_NEAR(r.claimed_objective.value_or(NAN), *problem.optimum, tolerance) << problem.name;
  EXPECT_NEAR(r.verified_objective.value_or(NAN), *problem.optimum, tolerance) << problem.name;
  EXPECT_GE(r.dual_bound, *problem.optimum - tolerance) << problem.name;
}

class EveryCombination : public ::testing::TestWithParam<Combination> {};
INSTANTIATE_TEST_SUITE_P(Conformance, EveryCombination, ::testing::ValuesIn(combinations()), [](const auto& each) {
  return espalier::testing::test_name(each.param.solver + "_" + each.param.formulation + "_" + each.param.bounds);
});

TEST_P(EveryCombination, HasTheOptimum) {
  static const std::vector<Problem> problems = small_problems();
  for (const Problem& problem : problems) expect_optimum(problem, GetParam());
  // Models over the whole box, in these two formulations, take seconds; all is run by the tests labelled reference.
  if (GetParam().solver == "cbc" && (GetParam().bounds != "interval-box" || GetParam().formulation == "big-m"))
    expect_optimum(reference_problem("mnist_14_2x16_0"), GetParam());
}

TEST_P(EveryCombination, DecidesTheSignAndItsBoundIsNeverBelowAVerifiedValue) {
  static const std::vector<Problem> problems = small_problems();
  for (const Problem& problem : problems) {
    if (!takes(problem, GetParam())) continue;
    const SolveResult sign = solve(problem, GetParam().settings(Goal::decide));
    EXPECT_EQ(sign.status, *problem.optimum > 0 ? Status::adversarial : Status::robust) << problem.name << ": " << sign.detail;
    if (GetParam().solver.starts_with("external:")) continue;  // a node limit is not theirs to keep
    for (const std::int64_t nodes : {0, 1, 5}) {
      SolveSettings settings = GetParam().settings();
      settings.node_limit = nodes;
      EXPECT_GE(solve(problem, settings).dual_bound, *problem.optimum - 1e-7) << problem.name << " after " << nodes << " nodes";
    }
  }
}

std::vector<std::string> solvers() {
  std::vector<std::string> all = milp_solvers;
  all.insert(all.end(), {"bab", "attack"});
  return all;
}

class EverySolver : public ::testing::TestWithParam<std::string> {
 protected:
  SolveResult answer(const Problem& problem, Goal goal = Goal::optimize) const {
    return solve(problem, {.solver = GetParam(), .goal = goal});
  }
  bool proves() const { return GetParam() != "attack"; }

  std::string refusal(const Problem& problem) const {
    try {
      answer(problem);
    } catch (const base::Error& error) {
      return error.what();
    }
    return "accepted";
  }

  /// The maximum is `optimum`, and every solver that proves anything says so.
  void expect_maximum(const Problem& problem, double optimum) const {
    const SolveResult r = answer(problem);
    EXPECT_EQ(r.status, proves() ? Status::optimal : Status::limit) << r.detail;
    EXPECT_NEAR(r.verified_objective.value_or(NAN), optimum, 1e-5);
    EXPECT_GE(r.dual_bound, optimum - 1e-7);
    const SolveResult sign = answer(problem, Goal::decide);
    const Status robust = proves() ? Status::robust : Status::limit;
    EXPECT_EQ(sign.status, optimum > 0 ? Status::adversarial : robust) << sign.detail;
  }
};
INSTANTIATE_TEST_SUITE_P(BadInput, EverySolver, ::testing::ValuesIn(solvers()),
                         [](const auto& each) { return espalier::testing::test_name(each.param); });

TEST_P(EverySolver, RefusesNumbersThatAreNone) {
  Problem problem = random_problem({6, 5, 3}, 1, 0.5);
  problem.network.layers[1].weight(2, 3) = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(refusal(problem), HasSubstr("layer 1: expected finite numbers, found weight[2, 3] = nan"));
  problem = random_problem({6, 5, 3}, 1, 0.5);
  problem.network.layers[0].bias[4] = std::numeric_limits<float>::infinity();
  EXPECT_THAT(refusal(problem), HasSubstr("layer 0: expected finite numbers, found bias[4] = inf"));
  problem = random_problem({6, 5, 3}, 1, 0.5);
  problem.input[3] = std::nan("");
  EXPECT_THAT(refusal(problem), HasSubstr("input"));
}

TEST_P(EverySolver, RefusesARegionThatIsNoneAndATargetThatIsTheLabel) {
  for (const double epsilon : {0.0, -1.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
    Problem problem = random_problem({6, 5, 3}, 1, 0.5);
    problem.epsilon = epsilon;
    EXPECT_THAT(refusal(problem), HasSubstr("epsilon: expected a finite radius > 0"));
  }
  Problem problem = random_problem({6, 5, 3}, 1, 0.5);
  problem.target = problem.label;
  EXPECT_THAT(refusal(problem), HasSubstr("target: expected a class other than the label"));
}

TEST_P(EverySolver, AnOutputThatIgnoresTheInputIsAConstant) {
  Problem problem = random_problem({10, 5, 3}, 2, 1.5);
  problem.network.layers[1].weight.setZero();
  problem.network.layers[1].bias = Eigen::Vector3f(0, 0, 0);
  problem.network.layers[1].bias[*problem.target] = -0.25F;
  expect_maximum(problem, -0.25);
  problem.network.layers[1].bias[*problem.target] = 0.25F;
  expect_maximum(problem, 0.25);
  problem.network.layers[0].weight.setZero();  // nothing of the input is left at all
  expect_maximum(problem, 0.25);
}

TEST_P(EverySolver, ADeadLayerIsAConstant) {
  Problem problem = random_problem({10, 5, 5, 3}, 3, 1.5);
  problem.network.layers[0].bias.setConstant(-100);  // no neuron is ever on
  expect_maximum(problem, margin(problem, problem.input));
}

TEST_P(EverySolver, AMarginOfZeroIsUndecided) {
  Problem problem = random_problem({10, 5, 3}, 2, 1.5);
  problem.network.layers[1].weight.setZero();
  for (const float bias : {0.0F, 0.3F}) {
    problem.network.layers[1].bias.setConstant(bias);
    const SolveResult r = answer(problem);
    EXPECT_EQ(r.status, proves() ? Status::optimal : Status::limit) << bias << ": " << r.detail;
    const SolveResult sign = answer(problem, Goal::decide);
    EXPECT_EQ(sign.status, Status::limit) << bias << ": " << sign.detail;
    EXPECT_FALSE(sign.adversarial_input);
    if (proves()) {
      EXPECT_EQ(sign.reason, "undecided") << bias << ": " << sign.detail;
    }
  }
}

TEST_P(EverySolver, OneThatIsAdversarialAtTheCleanInputIsDecidedThere) {
  Problem problem = random_problem({12, 6, 3}, 1, 0.5);
  std::swap(problem.label, *problem.target);
  const SolveResult r = answer(problem, Goal::decide);
  EXPECT_EQ(r.status, Status::adversarial);
  EXPECT_TRUE(r.clean_input_misclassified);
  EXPECT_EQ(*r.adversarial_input, problem.input);
  EXPECT_EQ(r.nodes, 0);
  EXPECT_EQ(r.incumbents, 1);
}

}  // namespace
}  // namespace espalier::engine
