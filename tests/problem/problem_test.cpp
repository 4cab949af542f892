#include "espalier/problem/problem.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "problem/reference.hpp"

namespace espalier::problem {
namespace {

using ::testing::HasSubstr;

std::string refusal(const std::function<void(Problem&)>& spoil) {
  Problem problem = espalier::testing::random_problem({9, 4, 3}, 1, 0.5);
  spoil(problem);
  try {
    problem.check("some.h5");
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::data);
    return error.what();
  }
  return "accepted";
}

TEST(Problem, AGoodOneIsAccepted) {
  EXPECT_EQ(refusal([](Problem&) {}), "accepted");
}

TEST(Problem, EveryRefusalNamesFileProblemObjectExpectedAndFound) {
  EXPECT_EQ(refusal([](Problem& p) { p.epsilon = 0; }), "some.h5: problem 'random_1': epsilon: expected a finite radius > 0, found 0");
  EXPECT_THAT(refusal([](Problem& p) { p.epsilon = -1; }), HasSubstr("epsilon: expected a finite radius > 0, found -1"));
  EXPECT_THAT(refusal([](Problem& p) { p.epsilon = std::nan(""); }), HasSubstr("epsilon: expected a finite radius > 0, found nan"));
  EXPECT_THAT(refusal([](Problem& p) { p.epsilon = std::numeric_limits<double>::infinity(); }), HasSubstr("found inf"));
  EXPECT_THAT(refusal([](Problem& p) { p.target = p.label; }), HasSubstr("target: expected a class other than the label"));
  EXPECT_THAT(refusal([](Problem& p) { p.label = 3; }), HasSubstr("label: expected a class in 0..2, found 3"));
  EXPECT_THAT(refusal([](Problem& p) { p.target = -1; }), HasSubstr("target: expected a class in 0..2, found -1"));
  EXPECT_THAT(refusal([](Problem& p) { p.input = Eigen::VectorXd::Zero(8); }),
              HasSubstr("input: expected 9 entries (the network's inputs), found 8"));
  EXPECT_THAT(refusal([](Problem& p) { p.input[3] = 1.5; }), HasSubstr("input[3]: expected a number in [0, 1], found 1.5"));
  EXPECT_THAT(refusal([](Problem& p) { p.input[2] = std::nan(""); }), HasSubstr("input[2]: expected a number in [0, 1], found nan"));
  EXPECT_THAT(refusal([](Problem& p) { p.optimal_input = Eigen::VectorXd::Zero(2); }), HasSubstr("optimal_input: expected 9 entries"));
  EXPECT_THAT(refusal([](Problem& p) { p.optimum = std::nan(""); }), HasSubstr("optimum: expected a finite number"));
  EXPECT_THAT(refusal([](Problem& p) { p.input_side = 4; }), HasSubstr("input_side: expected the square root of the 9 inputs, found 4"));
  EXPECT_THAT(refusal([](Problem& p) { p.network.layers[1].weight(0, 0) = std::nanf(""); }), HasSubstr("problem 'random_1': network: "));
}

TEST(Problem, ObjectivesAreTargetedUntargetedOrGiven) {
  Problem problem = espalier::testing::random_problem({9, 4, 3}, 1, 0.5);
  const Eigen::Vector3d y(0.25, -1, 2);
  problem.label = 0;
  problem.target = 1;
  EXPECT_EQ(problem.objective()(y), -1.25);
  problem.target.reset();
  EXPECT_EQ(problem.objective().functions.size(), 2U);
  EXPECT_EQ(problem.objective()(y), 1.75);
  problem.functions = {{.coefficients = Eigen::Vector3d(2, 1, 0), .constant = 0.5}, {.coefficients = Eigen::Vector3d(0, 0, -1)}};
  EXPECT_EQ(problem.objective()(y), 0);
  problem.label = 17;  // counts for nothing
  EXPECT_NO_THROW(problem.check());
}

TEST(Problem, ObjectivesThatAreNoneAreRefused) {
  const auto with = [](const nn::OutputFunction& function) { return refusal([&](Problem& p) { p.functions = {function}; }); };
  EXPECT_EQ(with({.coefficients = Eigen::Vector2d(1, 1)}),
            "some.h5: problem 'random_1': objective: expected 3 coefficients (the network's outputs) in function 0, found 2");
  EXPECT_THAT(with({.coefficients = Eigen::Vector3d(1, 0, std::nan(""))}),
              HasSubstr("functions[0, 2]: expected 0 or a number of a size between 1e-100 and 1e9, found nan"));
  EXPECT_THAT(with({.coefficients = Eigen::Vector3d(1, 0, 2e9)}),
              HasSubstr("functions[0, 2]: expected 0 or a number of a size between 1e-100 and 1e9, found 2000000000"));
  EXPECT_THAT(with({.coefficients = Eigen::Vector3d(1, 0, 0), .constant = -INFINITY}),
              HasSubstr("constants[0]: expected 0 or a number of a size between 1e-100 and 1e9, found -inf"));
  EXPECT_THAT(with({.coefficients = Eigen::Vector3d::Zero(), .constant = 1}), HasSubstr("a coefficient other than 0 in function 0"));
}

TEST(ChooseLabels, AreTheTwoLargestLogitsAndTiesGoToTheLowerClass) {
  nn::Network network;
  network.layers.push_back({.weight = nn::WeightMatrix::Zero(4, 2), .bias = Eigen::Vector4f(1, 3, 2, 3), .mask = {}});
  const Labels labels = choose_labels(network, Eigen::Vector2d(0, 0));
  EXPECT_EQ(labels.label, 1);
  EXPECT_EQ(labels.target, 3);
}

TEST(ChooseLabels, RefusesWhatHasNoTwoClasses) {
  const nn::Network single = espalier::testing::random_network({2, 3, 1}, 1);
  EXPECT_THROW(choose_labels(single, Eigen::Vector2d(0, 0)), base::Error);
  const nn::Network good = espalier::testing::random_network({2, 3, 2}, 1);
  EXPECT_THROW(choose_labels(good, Eigen::Vector3d(0, 0, 0)), base::Error);
}

}  // namespace
}  // namespace espalier::problem
