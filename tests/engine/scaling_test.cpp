// Answers do not depend on the units of a network: the same function with its neurons, or its logits, times powers of two.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>

#include "base/test_name.hpp"
#include "engine/enumeration.hpp"
#include "espalier/base/error.hpp"
#include "espalier/branch/tighten.hpp"
#include "espalier/embed/embed.hpp"
#include "espalier/engine/solve.hpp"
#include "nn/scaled.hpp"
#include "problem/reference.hpp"

namespace espalier::engine {
namespace {

using espalier::testing::random_problem;
using espalier::testing::reference_problem;
using espalier::testing::scaled_logits;
using espalier::testing::scaled_neurons;
using espalier::testing::with_optimum;
using problem::Problem;

struct Way {
  std::string solver, formulation = "big-m", bounds = "interval";
  bool compress = false;

  SolveSettings settings(Goal goal) const {
    return {.solver = solver, .formulation = formulation, .bounds = bounds, .goal = goal, .compress = compress, .time_limit_seconds = 60};
  }
  bool proves() const { return solver != "attack"; }
  std::string name() const {
    return espalier::testing::test_name(solver + "_" + formulation + "_" + bounds + (compress ? "_compressed" : ""));
  }
};

std::vector<Way> ways() {
  std::vector<Way> all{{.solver = "bab"},
                       {.solver = "bab", .compress = true},
                       {.solver = "attack"},
                       {.solver = "external:cbc"},
                       {.solver = "cbc", .bounds = "crown", .compress = true}};
  for (const std::string& formulation : embed::formulation_names())
    for (const std::string& bounds : branch::bounds_method_names()) all.push_back({"cbc", formulation, bounds});
  return all;
}

/// Two inputs, one margin: the problems of a bug report, Cbc's answers to which depended on the units.
Problem reported(const std::string& name, std::vector<nn::Layer> layers, Eigen::Vector2d input, double epsilon, int label) {
  Problem problem;
  problem.name = name;
  problem.network.layers = std::move(layers);
  problem.input = input;
  problem.epsilon = epsilon;
  problem.label = label;
  problem.target = 1 - label;
  return problem;
}

nn::Layer layer(std::initializer_list<std::initializer_list<float>> weight, Eigen::VectorXf bias) {
  return {.weight = nn::WeightMatrix(weight), .bias = std::move(bias), .mask = {}};
}

/// With and without adversarial inputs, one hidden layer and more, pruned.
const std::vector<Problem>& problems() {
  static const std::vector<Problem> all = [] {
    std::vector<Problem> made{
        reported("two",
                 {layer({{.9F, 1.1F}, {0, .5F}}, Eigen::Vector2f(-.4F, .2F)), layer({{0, .5F}, {1.6F, -2.3F}}, Eigen::Vector2f(.1F, -.3F))},
                 {.5, .2}, 1.0, 0),
        reported("deep",
                 {layer({{1.8F, -1.6F}, {2.6F, .2F}}, Eigen::Vector2f(.4F, -.2F)),
                  layer({{.4F, .3F}, {.2F, .9F}}, Eigen::Vector2f(.2F, -.3F)), layer({{0, .8F}, {.8F, -.3F}}, Eigen::Vector2f(-.1F, 0))},
                 {.3, .2}, 1.8, 1),
        random_problem({3, 4, 3}, 3, 0.6),
        random_problem({2, 3, 3, 2}, 5, 0.5),
        random_problem({4, 3, 3, 3}, 8, 1.0, 0.3),
        random_problem({5, 3, 2}, 4, 0.3),
        random_problem({3, 2, 2, 2, 3}, 9, 0.8)};
    for (Problem& problem : made) problem = with_optimum(problem);
    return made;
  }();
  return all;
}

/// `exponent`: the logits are times 2^exponent.
void expect_truth(const Problem& problem, const Way& way, const nn::Network& network, int exponent) {
  Problem scaled = problem;
  scaled.network = network;
  const double unit = std::ldexp(1.0, exponent), optimum = *problem.optimum, tolerance = 1e-5 * (1 + std::abs(optimum));
  const SolveResult r = solve(scaled, way.settings(Goal::optimize)), sign = solve(scaled, way.settings(Goal::decide));
  const std::string where = problem.name + " x 2^" + std::to_string(exponent) + ": " + r.detail + "; " + sign.detail;
  EXPECT_EQ(sign.status, optimum > 0 ? Status::adversarial : way.proves() ? Status::robust : Status::limit) << where;
  EXPECT_LE(*r.verified_objective / unit, optimum + tolerance) << where;
  EXPECT_GE(r.dual_bound / unit, optimum - tolerance) << where;
  if (!way.proves()) return;
  EXPECT_EQ(r.status, Status::optimal) << where;
  EXPECT_NEAR(*r.claimed_objective / unit, optimum, tolerance) << where;
  EXPECT_NEAR(*r.verified_objective / unit, optimum, tolerance) << where;
  EXPECT_NEAR(r.dual_bound / unit, optimum, tolerance) << where;
}

void expect_same_answer(const SolveResult& a, const SolveResult& b, const std::string& where) {
  EXPECT_EQ(a.status, b.status) << where;
  EXPECT_EQ(a.claimed_objective, b.claimed_objective) << where;
  EXPECT_EQ(a.verified_objective, b.verified_objective) << where;
  EXPECT_EQ(a.dual_bound, b.dual_bound) << where;
  EXPECT_EQ(a.nodes, b.nodes) << where;
  EXPECT_EQ(a.iterations, b.iterations) << where;
  ASSERT_EQ(a.trace.size(), b.trace.size()) << where;
  for (std::size_t i = 0; i < a.trace.size(); ++i) {
    EXPECT_EQ(a.trace[i].surrogate_objective, b.trace[i].surrogate_objective) << where;
    EXPECT_EQ(a.trace[i].dense_margin, b.trace[i].dense_margin) << where;
  }
  ASSERT_EQ(a.bound_trace.size(), b.bound_trace.size()) << where;
  for (std::size_t i = 0; i < a.bound_trace.size(); ++i) EXPECT_EQ(a.bound_trace[i].bound, b.bound_trace[i].bound) << where;
  EXPECT_EQ(a.input, b.input) << where;
}

class EveryWay : public ::testing::TestWithParam<Way> {};
INSTANTIATE_TEST_SUITE_P(Scaling, EveryWay, ::testing::ValuesIn(ways()), [](const auto& each) { return each.param.name(); });

TEST_P(EveryWay, HasTheTruthWhateverTheUnits) {
  base::RandomStream random(1, "scaling");
  for (const Problem& problem : problems()) {
    expect_truth(problem, GetParam(), problem.network, 0);
    expect_truth(problem, GetParam(), scaled_logits(scaled_neurons(problem.network, 30, random), -40), -40);
    expect_truth(problem, GetParam(), scaled_logits(scaled_neurons(problem.network, 30, random), 40), 40);
  }
}

/// Of the neurons alone: the same answer to the last bit.
TEST_P(EveryWay, HasTheSameAnswerForTheSameFunction) {
  base::RandomStream random(2, "scaling");
  for (const Problem& problem : problems()) {
    const SolveResult answer = solve(problem, GetParam().settings(Goal::optimize));
    for (const int largest : {5, 30, 60}) {
      Problem scaled = problem;
      scaled.network = scaled_neurons(problem.network, largest, random);
      expect_same_answer(answer, solve(scaled, GetParam().settings(Goal::optimize)), problem.name);
    }
  }
}

/// A trained network without what weight decay has left of weights on pixels that are always dark, which cannot be made smaller.
Problem without_decayed_weights(Problem problem) {
  for (nn::Layer& own : problem.network.layers) own.weight = (own.weight.array().abs() < 1e-10F).select(0.0F, own.weight);
  return problem;
}

/// Trained networks at 2^24 and 2^27, and every neuron in a unit of its own.
TEST(Scaling, TrainedNetworksKeepTheirOptima) {
  base::RandomStream random(3, "scaling");
  for (const char* name : {"mnist_14_2x16_0", "mnist_18_2x24_0"}) {
    const Problem problem = without_decayed_weights(reference_problem(name));
    Problem by_neuron = problem;
    by_neuron.network = scaled_neurons(problem.network, 25, random);
    for (const char* solver : {"bab", "cbc"}) {
      const SolveSettings settings = Way{.solver = solver, .bounds = "crown"}.settings(Goal::optimize);
      const SolveResult answer = solve(problem, settings);
      EXPECT_NEAR(*answer.verified_objective, *problem.optimum, 1e-5 * (1 + std::abs(*problem.optimum))) << name;
      expect_same_answer(answer, solve(by_neuron, settings), name);
      for (const int exponent : {24, 27}) {
        Problem scaled = problem;
        for (Eigen::Index i = 0; i < problem.network.layers[0].outputs(); ++i)
          ASSERT_TRUE(espalier::testing::scale_neuron(scaled.network, 0, i, exponent)) << name << ", neuron " << i;
        expect_same_answer(answer, solve(scaled, settings), name);
      }
    }
  }
}

/// The surrogate in other units than the dense network: each is searched in its own.
TEST(Scaling, ASurrogateMayComeInOtherUnits) {
  base::RandomStream random(4, "scaling");
  const Problem problem = with_optimum(random_problem({4, 4, 3}, 2, 0.7));
  nn::Network surrogate = problem.network;
  surrogate.layers[0].weight(1, 2) = 0;
  for (const char* solver : {"bab", "cbc"}) {
    const SolveSettings settings{.solver = solver, .protocol = Protocol::surrogate_then_dense, .compress = true};
    const SolveResult answer = solve(problem, surrogate, settings);
    EXPECT_EQ(answer.status, Status::optimal) << answer.detail;
    EXPECT_NEAR(*answer.claimed_objective, *problem.optimum, 1e-6);
    Problem scaled = problem;
    scaled.network = scaled_neurons(problem.network, 50, random);
    const SolveResult other = solve(scaled, scaled_neurons(surrogate, 50, random), settings);
    expect_same_answer(answer, other, solver);
    EXPECT_EQ(answer.compression->deviation, other.compression->deviation);
    for (const Eigen::Index layer : {0, 1}) {
      const auto k = static_cast<std::size_t>(layer);
      for (Eigen::Index i = 0; i < answer.compression->proof.layers[k].upper.size(); ++i) {
        // Proofs are in the units of the network that was asked about.
        const double unit = k == 1 ? 1.0 : scaled.network.layers[0].bias[i] / problem.network.layers[0].bias[i];
        EXPECT_EQ(other.compression->proof.layers[k].upper[i], unit * answer.compression->proof.layers[k].upper[i]);
        EXPECT_EQ(other.compression->proof.layers[k].lower[i], unit * answer.compression->proof.layers[k].lower[i]);
      }
    }
  }
}

/// Weights that promise margins of 10^3, of neurons that stay near 0: tolerances are those of the margin that there is.
TEST(Scaling, NeuronsMayStayFarBelowWhatTheirWeightsAllow) {
  Problem problem = problems().front();
  std::vector<nn::Layer>& layers = problem.network.layers;
  layers[0] = layer({{.9F, 1.1F}, {0, .5F}, {-100, -100}}, Eigen::Vector3f(-.4F, .2F, -1));  // the third one is stably inactive
  layers[1] = layer({{0, .5F, -2000}, {1.6F, -2.3F, 30}}, Eigen::Vector2f(.1F, -.3F));
  for (const char* solver : {"bab", "cbc"}) {
    const SolveResult r = solve(problem, {.solver = solver}), sign = solve(problem, {.solver = solver, .goal = Goal::decide});
    EXPECT_EQ(r.status, Status::optimal) << r.detail;
    EXPECT_NEAR(*r.verified_objective, .092, 1e-6);
    EXPECT_NEAR(r.dual_bound, .092, 1e-6);
    EXPECT_EQ(sign.status, Status::adversarial) << sign.detail;
  }
}

/// Beside the largest weight of a neuron, float32 has no room for its smallest: the search goes without it, and its bound allows for that.
TEST(Scaling, WeightsTooSmallForTheirNeuronsUnitAreAccountedFor) {
  Problem problem = with_optimum(random_problem({3, 4, 3}, 3, 0.6));
  problem.network.layers[0].weight(0, 1) = 0x1p-149F;
  problem.network.layers[0].weight(0, 0) *= 0x1p20F;
  problem.network.layers[0].bias[0] *= 0x1p20F;
  problem = with_optimum(problem);
  for (const char* solver : {"bab", "cbc"}) {
    const SolveResult r = solve(problem, {.solver = solver});
    EXPECT_EQ(r.status, Status::optimal) << r.detail;
    EXPECT_NEAR(*r.verified_objective, *problem.optimum, 1e-5 * (1 + std::abs(*problem.optimum)));
  }
}

TEST(Scaling, WhatCannotBeRepresentedIsRefused) {
  Problem problem = random_problem({3, 4, 3}, 3, 0.6);
  const nn::Layer tiny{.weight = nn::WeightMatrix::Constant(4, 4, 0x1p-140F), .bias = Eigen::VectorXf::Zero(4), .mask = {}};
  problem.network.layers.insert(problem.network.layers.begin() + 1, 6, tiny);
  for (const char* solver : {"bab", "cbc", "attack"}) {
    try {
      solve(problem, {.solver = solver});
      FAIL() << "accepted";
    } catch (const base::Error& error) {
      EXPECT_THAT(
          error.what(),
          ::testing::HasSubstr(
              "problem 'random_3': network: layer 6: expected neurons of a size between 2^-800 and 2^800, found neuron 0 with 2^-8"));
    }
  }
}

}  // namespace
}  // namespace espalier::engine
