// The engine with the Cbc back end on the reference problems: the ones that take a fraction of a second.
#include "espalier/engine/solve.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "espalier/certify/certify.hpp"
#include "problem/reference.hpp"

namespace espalier::engine {
namespace {

using espalier::testing::random_problem;
using espalier::testing::reference_problem;
using problem::Problem;
using ::testing::HasSubstr;

const std::vector<std::string> quick_problems{"fashion_14_2x16_0", "fashion_14_3x16_20", "fashion_18_2x24_0", "fashion_18_2x32_0",
                                              "mnist_14_2x16_0",   "mnist_18_2x24_0",    "mnist_18_2x32_0",   "mnist_18_2x32_cbc_wrong"};

double margin(const Problem& problem, const Eigen::VectorXd& x) {
  const Eigen::VectorXd logits = nn::forward(problem.network, x);
  return problem.objective()(logits);
}

/// The network with the share `rate` of each layer's smallest weights set to 0: a surrogate.
nn::Network magnitude_pruned(const nn::Network& network, double rate) {
  nn::Network pruned = network;
  for (nn::Layer& layer : pruned.layers) {
    std::vector<float> sizes;
    for (const float w : layer.weight.reshaped()) sizes.push_back(std::abs(w));
    const auto kept_from = sizes.begin() + static_cast<std::ptrdiff_t>(rate * static_cast<double>(sizes.size()));
    std::nth_element(sizes.begin(), kept_from, sizes.end());
    layer.weight = (layer.weight.array().abs() < *kept_from).select(0.0F, layer.weight);
  }
  return pruned;
}

void expect_consistent(const Problem& problem, const SolveResult& r) {
  EXPECT_EQ(static_cast<std::size_t>(r.incumbents), r.trace.size());
  EXPECT_NEAR(r.total_seconds, r.bounds_seconds + r.embed_seconds + r.solver_seconds, 1e-9);
  EXPECT_EQ(r.first_adversarial_seconds.has_value(), r.adversarial_input.has_value());
  if (r.input) {
    EXPECT_NEAR(margin(problem, *r.input), *r.verified_objective, 1e-12);
    EXPECT_TRUE(contains(problem.region(), *r.input, 1.0001e-6));
    EXPECT_NEAR(*r.distance, problem::distance(problem::Norm::l1, *r.input, problem.input), 1e-12);
    EXPECT_NEAR(*r.verified_objective_float32, *r.verified_objective, 1e-3);
  }
  if (r.adversarial_input) {
    EXPECT_GT(margin(problem, *r.adversarial_input), certify::adversarial_threshold);
  }
  for (std::size_t i = 1; i < r.trace.size(); ++i) EXPECT_LE(r.trace[i - 1].seconds, r.trace[i].seconds);
}

TEST(Solve, FindsAndProvesTheOptimum) {
  for (const std::string& name : quick_problems) {
    const Problem& problem = reference_problem(name);
    const SolveResult r = solve(problem, SolveSettings{.solver = "cbc", .time_limit_seconds = 60, .check_share = 1});
    const double tolerance = 1e-5 * (1 + std::abs(*problem.optimum));
    ASSERT_EQ(r.status, Status::optimal) << name << ": " << r.detail;
    EXPECT_NEAR(*r.claimed_objective, *problem.optimum, tolerance) << name;
    EXPECT_NEAR(*r.verified_objective, *problem.optimum, tolerance) << name;
    EXPECT_NEAR(r.dual_bound, *problem.optimum, tolerance) << name;
    EXPECT_EQ(r.adversarial_input.has_value(), *problem.optimum > 0) << name;
    EXPECT_GT(r.size.binaries, 0) << name;
    EXPECT_EQ(r.size.binaries, r.neurons.unstable) << name;
    EXPECT_TRUE(r.dense);
    expect_consistent(problem, r);
  }
}

TEST(Solve, DecidesTheSign) {
  const SolveResult robust =
      solve(reference_problem("mnist_18_2x24_0"), SolveSettings{.solver = "cbc", .goal = Goal::decide, .time_limit_seconds = 60});
  EXPECT_EQ(robust.status, Status::robust) << robust.detail;
  EXPECT_LT(robust.dual_bound, 0);
  EXPECT_FALSE(robust.adversarial_input || robust.first_adversarial_seconds);
  for (const char* name : {"fashion_14_2x16_0", "mnist_18_2x32_0"}) {
    const SolveResult r = solve(reference_problem(name), SolveSettings{.solver = "cbc", .goal = Goal::decide, .time_limit_seconds = 60});
    EXPECT_EQ(r.status, Status::adversarial) << name << ": " << r.detail;
    EXPECT_GT(*r.verified_objective, 0) << name;
    expect_consistent(reference_problem(name), r);
  }
}

TEST(Solve, StopsAtTheFirstSuccessOrGoesOn) {
  const Problem& problem = reference_problem("fashion_14_2x16_0");
  const SolveResult stopped = solve(problem, SolveSettings{.solver = "cbc", .on_success = OnSuccess::stop, .time_limit_seconds = 60});
  EXPECT_EQ(stopped.status, Status::adversarial);
  EXPECT_EQ(stopped.reason, "success");
  EXPECT_TRUE(stopped.trace.back().adversarial);
  EXPECT_EQ(std::count_if(stopped.trace.begin(), stopped.trace.end(), [](const auto& record) { return record.adversarial; }), 1);
  const SolveResult full = solve(problem, SolveSettings{.solver = "cbc", .on_success = OnSuccess::go_on, .time_limit_seconds = 60});
  EXPECT_EQ(full.status, Status::optimal);
  EXPECT_GE(*full.verified_objective, *stopped.verified_objective);
  // The same search up to there: the first success is the same point.
  EXPECT_EQ(*full.adversarial_input, *stopped.adversarial_input);
}

TEST(Solve, ASurrogateIsSearchedAndTheDenseNetworkAnswers) {
  int found = 0;
  for (const char* name : {"fashion_14_2x16_0", "fashion_18_2x24_0", "mnist_14_2x16_0", "mnist_18_2x24_0"}) {
    const Problem& problem = reference_problem(name);
    const nn::Network surrogate = magnitude_pruned(problem.network, 0.5);
    for (const OnSuccess on_success : {OnSuccess::stop, OnSuccess::go_on}) {
      const SolveResult r = solve(problem, surrogate, SolveSettings{.solver = "cbc", .on_success = on_success, .time_limit_seconds = 60});
      EXPECT_FALSE(r.dense);
      EXPECT_EQ(r.status, r.adversarial_input ? Status::adversarial : Status::surrogate_solved) << name << ": " << r.detail;
      EXPECT_LE(*r.verified_objective, *problem.optimum + 1e-6) << name;  // no input of the region beats the dense maximum
      expect_consistent(problem, r);
      found += r.adversarial_input.has_value();
    }
  }
  EXPECT_GE(found, 4);
}

TEST(Solve, OnASurrogateDecideSetsNoCutoff) {
  // The surrogate never prefers the target, the dense network does at every point: with a cutoff the solver would find nothing.
  Problem problem;
  problem.name = "opposed";
  problem.input = Eigen::Vector2d(0.5, 0.5);
  problem.epsilon = 0.25;
  problem.label = 0;
  problem.target = 1;
  const auto linear = [](float bias) {
    nn::Network network;
    network.layers.push_back({.weight = (nn::WeightMatrix(2, 2) << 0, 0, 1, 0).finished(), .bias = Eigen::Vector2f(0, bias), .mask = {}});
    return network;
  };
  problem.network = linear(-0.7F);  // margin x0 - 0.7: at most 0.05
  const SolveResult r = solve(problem, linear(-5), SolveSettings{.solver = "cbc", .goal = Goal::decide});
  EXPECT_EQ(r.status, Status::adversarial) << r.detail;
  EXPECT_LT(r.trace.back().surrogate_objective, 0);
  EXPECT_NEAR(*r.verified_objective, 0.05, 1e-6);
}

TEST(Solve, LabelsOfTheSurrogateMaySucceedAtTheCleanInput) {
  // The surrogate takes class 1 for the label and 0 for the target; the dense network prefers 0 already.
  Problem problem = random_problem({6, 5, 2}, 3, 0.5);
  nn::Network surrogate = problem.network;
  surrogate.layers.back().bias = surrogate.layers.back().bias.reverse().eval();
  surrogate.layers.back().weight = surrogate.layers.back().weight.colwise().reverse().eval();
  const problem::Labels labels = problem::choose_labels(surrogate, problem.input);
  ASSERT_EQ(labels.label, problem.target);
  problem.label = labels.label;
  problem.target = labels.target;
  const SolveResult r = solve(problem, surrogate, SolveSettings{.solver = "cbc", .on_success = OnSuccess::stop});
  EXPECT_TRUE(r.clean_input_misclassified);
  EXPECT_EQ(r.status, Status::adversarial);
  EXPECT_EQ(*r.adversarial_input, problem.input);
  EXPECT_FALSE(*r.class_changed);
  EXPECT_EQ(r.nodes, 0);
}

TEST(Solve, AZeroTimeLimitIsALimit) {
  for (const Goal goal : {Goal::optimize, Goal::decide}) {
    for (const Start start : {Start::none, Start::clean_input}) {
      const SolveResult r = solve(reference_problem("mnist_18_2x32_0"),
                                  SolveSettings{.solver = "cbc", .goal = goal, .start = start, .time_limit_seconds = 0});
      EXPECT_EQ(r.status, Status::limit);
      EXPECT_EQ(r.reason, "limit");
      EXPECT_EQ(r.limit, "time");
      EXPECT_FALSE(r.adversarial_input);
      EXPECT_EQ(*r.input, reference_problem("mnist_18_2x32_0").input);
      EXPECT_EQ(r.incumbents, start == Start::clean_input ? 1 : 0);
    }
  }
}

TEST(Solve, IsReproducibleUnderANodeLimit) {
  const Problem& problem = reference_problem("mnist_18_3x24_20");
  const SolveSettings settings{.solver = "cbc", .node_limit = 60, .seed = 5};
  const SolveResult first = solve(problem, settings), second = solve(problem, settings);
  EXPECT_EQ(first.status, Status::limit) << first.detail;
  EXPECT_EQ(first.limit, "nodes");
  EXPECT_EQ(first.nodes, second.nodes);
  EXPECT_EQ(first.iterations, second.iterations);
  EXPECT_EQ(first.dual_bound, second.dual_bound);
  EXPECT_EQ(first.verified_objective, second.verified_objective);
  EXPECT_EQ(*first.input, *second.input);
  EXPECT_GE(first.dual_bound, *problem.optimum - 1e-6);
}

TEST(Solve, TellsOfEveryIncumbentAndStopsOnRequest) {
  const Problem& problem = reference_problem("fashion_14_2x16_0");
  std::size_t told = 0;
  SolveSettings settings{.solver = "cbc", .time_limit_seconds = 60};
  settings.on_incumbent = [&](const SolveResult& so_far) {
    EXPECT_TRUE(so_far.verified_objective);  // the clean input's at least
    EXPECT_EQ(so_far.reason, "running");
    if (so_far.trace.size() > told) {
      EXPECT_EQ(so_far.trace.size(), ++told);
    }
  };
  settings.stop_requested = [&] { return told >= 2; };
  const SolveResult r = solve(problem, settings);
  EXPECT_EQ(r.status, Status::limit);
  EXPECT_EQ(r.reason, "stopped");
  EXPECT_GE(told, 2);
  EXPECT_EQ(told, r.incumbents);
}

TEST(Attack, AloneFindsAlmostTheOptimumAndProvesNothing) {
  for (const std::string& name : quick_problems) {
    const Problem& problem = reference_problem(name);
    const SolveResult r = solve(problem, SolveSettings{.solver = "attack"});
    EXPECT_EQ(r.status, Status::limit) << name;
    EXPECT_EQ(r.reason, "limit");
    EXPECT_EQ(r.limit, "iterations");
    EXPECT_EQ(r.dual_bound, milp::infinity);
    EXPECT_EQ(r.nodes, 0);
    EXPECT_GT(r.attack_seconds, 0);
    EXPECT_LE(*r.verified_objective, *problem.optimum + 1e-6) << name;
    EXPECT_GE(*r.verified_objective, *problem.optimum - 0.1) << name;
    EXPECT_NEAR(*r.claimed_objective, *r.verified_objective, 1e-9) << name;
    expect_consistent(problem, r);
    const SolveResult decided = solve(problem, SolveSettings{.solver = "attack", .goal = Goal::decide});
    EXPECT_EQ(decided.status, *problem.optimum > 0 ? Status::adversarial : Status::limit) << name;
    EXPECT_EQ(decided.reason, *problem.optimum > 0 ? "success" : "limit") << name;
  }
}

TEST(Attack, OnASurrogateEveryPointIsTriedOnTheDenseNetwork) {
  const Problem& problem = reference_problem("fashion_18_2x24_0");
  const SolveResult r = solve(problem, magnitude_pruned(problem.network, 0.5), SolveSettings{.solver = "attack"});
  EXPECT_FALSE(r.dense);
  EXPECT_EQ(r.status, r.adversarial_input ? Status::adversarial : Status::limit);
  EXPECT_GT(r.incumbents, 2);
  expect_consistent(problem, r);
}

TEST(Attack, GivesTheMilpItsStart) {
  const Problem& problem = reference_problem("mnist_18_2x24_0");
  const SolveResult r =
      solve(problem, SolveSettings{.solver = "cbc", .bounds = "alpha-crown", .start = Start::attack, .time_limit_seconds = 60});
  EXPECT_EQ(r.status, Status::optimal) << r.detail;
  EXPECT_NEAR(r.dual_bound, *problem.optimum, 1e-5);
  EXPECT_GT(r.attack_seconds, 0);
  const auto best =
      std::max_element(r.trace.begin(), r.trace.end(), [](const auto& a, const auto& b) { return a.dense_margin < b.dense_margin; });
  EXPECT_GE(best->dense_margin, *problem.optimum - 1e-9);
  const SolveResult stopped =
      solve(reference_problem("mnist_18_2x32_0"), SolveSettings{.solver = "cbc", .goal = Goal::decide, .start = Start::attack});
  EXPECT_EQ(stopped.status, Status::adversarial);
  EXPECT_EQ(stopped.nodes, 0);
  EXPECT_THAT(stopped.detail, HasSubstr("start succeeds"));
}

std::string refusal(const std::function<void()>& action) {
  try {
    action();
  } catch (const base::Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Solve, RefusesWhatIsNoProblemOrNoSetting) {
  const Problem good = random_problem({6, 5, 3}, 1, 0.5);
  const auto with = [&](const std::function<void(SolveSettings&)>& change) {
    SolveSettings settings{.solver = "cbc", .node_limit = 1};
    change(settings);
    return refusal([&] { solve(good, settings); });
  };
  EXPECT_EQ(with([](SolveSettings&) {}), "accepted");
  EXPECT_THAT(with([](SolveSettings& s) { s.time_limit_seconds = -1; }), HasSubstr("time_limit: expected seconds of at least 0, found -1"));
  EXPECT_THAT(with([](SolveSettings& s) { s.time_limit_seconds = std::nan(""); }), HasSubstr("time_limit"));
  EXPECT_THAT(with([](SolveSettings& s) { s.node_limit = -2; }), HasSubstr("node_limit"));
  EXPECT_THAT(with([](SolveSettings& s) { s.relative_gap = -1; }), HasSubstr("relative_gap"));
  EXPECT_THAT(with([](SolveSettings& s) { s.absolute_gap = std::nan(""); }), HasSubstr("absolute_gap"));
  EXPECT_THAT(with([](SolveSettings& s) { s.bounds = "crow"; }), HasSubstr("did you mean 'crown'?"));
  EXPECT_THAT(with([](SolveSettings& s) { s.formulation = "bigm"; }), HasSubstr("did you mean 'big-m'?"));
  EXPECT_THAT(with([](SolveSettings& s) { s.solver = "gurobi"; }), HasSubstr("gurobi"));
  Problem bad = good;
  bad.epsilon = 0;
  EXPECT_THAT(refusal([&] { solve(bad, {}); }), HasSubstr("epsilon: expected a finite radius > 0, found 0"));
  bad = good;
  bad.target = bad.label;
  EXPECT_THAT(refusal([&] { solve(bad, {}); }), HasSubstr("target: expected a class other than the label"));
  const nn::Network other = espalier::testing::random_network({6, 5, 4}, 1);
  EXPECT_THAT(refusal([&] { solve(good, other, {}); }), HasSubstr("embedded network: expected 6 inputs and 3 outputs, found 6 and 4"));
}

TEST(Words, ReadBackAndAWrongOneGetsASuggestion) {
  for (const Goal goal : {Goal::optimize, Goal::decide}) EXPECT_EQ(base::parse_word(words(goal), "goal", to_string(goal)), goal);
  for (const OnSuccess each : {OnSuccess::stop, OnSuccess::go_on})
    EXPECT_EQ(base::parse_word(words(each), "on_success", to_string(each)), each);
  for (const Start start : {Start::none, Start::clean_input}) EXPECT_EQ(base::parse_word(words(start), "start", to_string(start)), start);
  for (const Protocol each : {Protocol::surrogate, Protocol::surrogate_then_dense})
    EXPECT_EQ(base::parse_word(words(each), "protocol", to_string(each)), each);
  EXPECT_EQ(to_string(Status::surrogate_solved), "surrogate_solved");
  EXPECT_EQ(refusal([] { base::parse_word(words(Goal{}), "goal", "optimise"); }),
            "goal: expected one of optimize, decide, found 'optimise' (did you mean 'optimize'?)");
  EXPECT_THAT(refusal([] { base::parse_word(words(OnSuccess{}), "on_success", "go_on"); }),
              HasSubstr("on_success: expected one of stop, continue"));
}

}  // namespace
}  // namespace espalier::engine
