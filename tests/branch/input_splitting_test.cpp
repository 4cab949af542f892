#include "espalier/branch/input_splitting.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "espalier/base/error.hpp"
#include "espalier/bounds/bounds.hpp"
#include "problem/reference.hpp"

namespace espalier::branch {
namespace {

using espalier::testing::random_network;
using problem::BoxQuestion;

nn::OutputFunction random_function(Eigen::Index outputs, base::RandomStream& random) {
  nn::OutputFunction f{.coefficients = Eigen::VectorXd(outputs)};
  for (double& c : f.coefficients) c = random.uniform(-1, 1);
  return f;
}

Eigen::VectorXd random_point_of(const problem::Box& box, base::RandomStream& random) {
  Eigen::VectorXd x = box.lower;
  for (Eigen::Index i = 0; i < x.size(); ++i) x[i] += random.uniform() * (box.upper[i] - box.lower[i]);
  return x;
}

double margin_at(const nn::Network& network, const BoxQuestion& question, const Eigen::VectorXd& x) {
  const Eigen::VectorXd y = nn::forward(network, x);
  double margin = -std::numeric_limits<double>::infinity();
  for (const problem::Conjunction& conjunction : question.unsafe) margin = std::max(margin, problem::margin(conjunction, y));
  return margin;
}

/// Every function minus `by`: so is the margin.
BoxQuestion lowered(BoxQuestion question, double by) {
  for (problem::Conjunction& conjunction : question.unsafe)
    for (nn::OutputFunction& f : conjunction) f.constant -= by;
  return question;
}

InputSplittingOptions until_unsafe(std::int64_t nodes = -1) {
  return {.node_limit = nodes, .on_improvement = [](const Eigen::VectorXd&, double margin) { return margin >= 0; }};
}

/// Three conjunctions of up to three functions over an uneven box.
BoxQuestion random_question(Eigen::Index inputs, Eigen::Index outputs, base::RandomStream& random) {
  BoxQuestion question{.box = {.lower = Eigen::VectorXd(inputs), .upper = Eigen::VectorXd(inputs)}, .unsafe = {}};
  for (Eigen::Index i = 0; i < inputs; ++i) {
    question.box.lower[i] = random.uniform(-2, 0);
    question.box.upper[i] = question.box.lower[i] + random.uniform(0.1, 2);
  }
  for (int k = 0; k < 3; ++k) {
    question.unsafe.emplace_back();
    for (int f = 0; f <= k; ++f) question.unsafe.back().push_back(random_function(outputs, random));
  }
  return question;
}

TEST(InputSplitting, AnswersAsPhaseSplittingOnBothSidesOfTheMaximum) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    const nn::Network network = random_network({static_cast<int>(seed % 4) + 1, 8, 8, 3}, seed);
    base::RandomStream random(seed, "question");
    BoxQuestion question = random_question(network.inputs(), 3, random);
    question.unsafe.resize(1);
    const problem::Region region = problem::box_region(question.box);
    const bounds::Bounds bounds = bounds::make_alpha_crown()->compute(network, region);
    const Outcome exact =
        run({.network = network, .region = region, .objective = {.functions = question.unsafe.front()}, .bounds = bounds}, {});
    ASSERT_EQ(exact.end, End::closed);
    const Outcome above = split_inputs(network, lowered(question, exact.bound + 1e-3), until_unsafe());
    EXPECT_EQ(above.end, End::closed) << seed;
    EXPECT_LT(above.bound, 0) << seed;
    const BoxQuestion reachable = lowered(question, exact.best->margin - 1e-3);
    const Outcome below = split_inputs(network, reachable, until_unsafe());
    EXPECT_EQ(below.end, End::stopped) << seed;
    EXPECT_GE(margin_at(network, reachable, below.best->input), 0) << seed;
    EXPECT_TRUE(problem::contains(region, below.best->input)) << seed;
  }
}

TEST(InputSplitting, ConjunctionsAreNeverClosedWhereAnInputIsUnsafe) {
  int found = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const nn::Network network = random_network({2, 10, 10, 4}, seed);
    base::RandomStream random(seed, "question");
    const BoxQuestion question = random_question(2, 4, random);
    double largest = -std::numeric_limits<double>::infinity();
    for (int k = 0; k < 20000; ++k) largest = std::max(largest, margin_at(network, question, random_point_of(question.box, random)));
    // Hardly anything is unsafe.
    const BoxQuestion barely = lowered(question, largest - 1e-6);
    const Outcome outcome = split_inputs(network, barely, until_unsafe(200000));
    EXPECT_NE(outcome.end, End::closed) << seed;
    EXPECT_GE(outcome.bound, 1e-6) << seed;
    if (outcome.best->margin >= 0) ++found;
    // Nothing is, as far as a fine grid tells.
    EXPECT_EQ(split_inputs(network, lowered(question, largest + 0.05), until_unsafe(200000)).end, End::closed) << seed;
  }
  EXPECT_EQ(found, 20);
}

TEST(InputSplitting, BoundsContainSampledMarginsWhereverItStops) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const nn::Network network = random_network({3, 12, 12, 12, 4}, seed);
    base::RandomStream random(seed, "question");
    BoxQuestion question = random_question(3, 4, random);
    double largest = -std::numeric_limits<double>::infinity();
    for (int k = 0; k < 5000; ++k) largest = std::max(largest, margin_at(network, question, random_point_of(question.box, random)));
    question = lowered(question, largest - 0.1);
    for (const std::int64_t nodes : {1, 3, 10, 100}) {
      const Outcome outcome = split_inputs(network, question, {.node_limit = nodes});
      EXPECT_EQ(outcome.end, End::nodes) << seed;
      EXPECT_GE(outcome.bound, 0.1 - 1e-12) << seed << " " << nodes;
      EXPECT_GE(outcome.bound, outcome.best->margin) << seed << " " << nodes;
      EXPECT_DOUBLE_EQ(outcome.best->margin, margin_at(network, question, outcome.best->input));
    }
  }
}

TEST(InputSplitting, FixedInputsStayFixed) {
  const nn::Network network = random_network({3, 6, 6, 2}, 5);
  base::RandomStream random(5, "question");
  BoxQuestion question = random_question(3, 2, random);
  question.box.upper[1] = question.box.lower[1];
  const Outcome some = split_inputs(network, lowered(question, -100), until_unsafe());
  EXPECT_EQ(some.best->input[1], question.box.lower[1]);
  question.box.upper = question.box.lower;
  const double margin = margin_at(network, question, question.box.lower);
  EXPECT_EQ(split_inputs(network, lowered(question, margin + 1e-9), until_unsafe()).end, End::closed);
  EXPECT_EQ(split_inputs(network, lowered(question, margin - 1e-9), until_unsafe()).end, End::stopped);
}

TEST(InputSplitting, EqualArgumentsGiveEqualAnswers) {
  const nn::Network network = random_network({4, 12, 12, 3}, 3);
  base::RandomStream random(3, "question");
  const BoxQuestion question = random_question(4, 3, random);
  const Outcome a = split_inputs(network, question, {.node_limit = 500}), b = split_inputs(network, question, {.node_limit = 500});
  EXPECT_EQ(a.bound, b.bound);
  EXPECT_EQ(a.best->input, b.best->input);
}

TEST(InputSplitting, BoundsThatOverflowProveNothing) {
  nn::Network network;
  for (int k = 0; k < 12; ++k)
    network.layers.push_back({.weight = nn::WeightMatrix::Constant(2, 2, 3e38F), .bias = Eigen::VectorXf::Zero(2)});
  BoxQuestion question{.box = problem::unit_box(2), .unsafe = {{{.coefficients = Eigen::Vector2d(1, -1), .constant = -1}}}};
  EXPECT_NE(split_inputs(network, question, {.node_limit = 5000}).end, End::closed);
  network.layers.back().weight.row(1) *= -1;
  EXPECT_NE(split_inputs(network, question, {.node_limit = 5000}).end, End::closed);
}

TEST(InputSplitting, EndsWithItsBudget) {
  const nn::Network network = random_network({4, 12, 12, 3}, 3);
  base::RandomStream random(3, "question");
  const BoxQuestion question = lowered(random_question(4, 3, random), -100);  // everything is unsafe, and nobody stops it
  EXPECT_EQ(split_inputs(network, question, {.budget = base::Budget(0)}).end, End::time);
  EXPECT_EQ(split_inputs(network, question, {.budget = base::Budget(1e9, [] { return true; })}).end, End::stopped);
}

TEST(InputSplitting, RefusesOtherSizes) {
  const nn::Network network = random_network({2, 4, 2}, 1);
  base::RandomStream random(1, "question");
  EXPECT_THROW(split_inputs(network, random_question(3, 2, random), {}), base::Error);
  EXPECT_THROW(split_inputs(network, random_question(2, 3, random), {}), base::Error);
}

}  // namespace
}  // namespace espalier::branch
