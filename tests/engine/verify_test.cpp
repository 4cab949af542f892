#include "espalier/engine/verify.hpp"

#include <gtest/gtest.h>

#include "espalier/base/error.hpp"
#include "problem/reference.hpp"

namespace espalier::engine {
namespace {

using espalier::testing::random_network;

/// Two boxes, in each of which one of two functions at least 0 is unsafe.
problem::Property random_property(const nn::Network& network, std::uint64_t seed, double lowered) {
  base::RandomStream random(seed, "property");
  problem::Property property{.inputs = network.inputs(), .outputs = network.outputs(), .boxes = {}};
  for (int b = 0; b < 2; ++b) {
    problem::BoxQuestion question{.box = problem::unit_box(property.inputs), .unsafe = {}};
    question.box.lower.array() += b;
    question.box.upper.array() += b;
    for (int k = 0; k < 2; ++k) {
      nn::OutputFunction f{.coefficients = Eigen::VectorXd(property.outputs), .constant = -lowered};
      for (double& c : f.coefficients) c = random.uniform(-1, 1);
      question.unsafe.push_back({f});
    }
    property.boxes.push_back(std::move(question));
  }
  return property;
}

TEST(Verify, BothKindsOfSplittingAgree) {
  int sat = 0, unsat = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    const nn::Network network = random_network({3, 8, 8, 3}, seed);
    const problem::Property property = random_property(network, seed, 3);
    const Verification inputs = verify(network, property, {.splitting = Splitting::inputs});
    const Verification phases = verify(network, property, {.splitting = Splitting::phases});
    EXPECT_EQ(inputs.verdict, phases.verdict) << seed;
    for (const Verification& found : {inputs, phases}) {
      EXPECT_EQ(found.witness.has_value(), found.verdict == Verdict::sat) << seed;
      if (found.witness)
        EXPECT_GE(problem::margin(property, found.witness->input, nn::forward(network, found.witness->input)), 0) << seed;
      else
        EXPECT_EQ(found.boxes, 2) << seed;
    }
    (inputs.verdict == Verdict::sat ? sat : unsat) += 1;
  }
  EXPECT_GT(sat, 2);
  EXPECT_GT(unsat, 2);
}

TEST(Verify, ChoosesBySizeAndByConjunctions) {
  const nn::Network small = random_network({10, 4, 2}, 1), large = random_network({11, 4, 2}, 1);
  EXPECT_EQ(verify(small, random_property(small, 1, 100), {}).splitting, Splitting::inputs);
  problem::Property property = random_property(large, 1, 100);
  EXPECT_EQ(verify(large, property, {}).splitting, Splitting::phases);
  problem::Property fixed = property;
  for (problem::BoxQuestion& question : fixed.boxes) question.box.upper[3] = question.box.lower[3];
  EXPECT_EQ(verify(large, fixed, {}).splitting, Splitting::inputs);
  for (problem::BoxQuestion& question : property.boxes) question.unsafe.front().push_back(question.unsafe.back().front());
  EXPECT_EQ(verify(large, property, {}).splitting, Splitting::inputs);
  EXPECT_THROW(verify(large, property, {.splitting = Splitting::phases}), base::Error);
}

TEST(Verify, SaysWhenTimeOrTheCallerEndedIt) {
  // The margin's largest value is 0, attained at one point: no bound closes it, and no input is above.
  nn::Network network;
  network.layers.push_back({.weight = (nn::WeightMatrix(2, 1) << 1, -1).finished(), .bias = Eigen::Vector2f(-0.3F, 0.3F)});
  network.layers.push_back({.weight = (nn::WeightMatrix(1, 2) << -1, -1).finished(), .bias = Eigen::VectorXf::Constant(1, -1e-9F)});
  problem::Property property{.inputs = 1, .outputs = 1, .boxes = {}};
  property.boxes.push_back({.box = problem::unit_box(1), .unsafe = {{{.coefficients = Eigen::VectorXd::Ones(1), .constant = 1e-9F}}}});
  for (const Splitting splitting : {Splitting::inputs, Splitting::phases}) {
    EXPECT_EQ(verify(network, property, {.time_limit_seconds = 0, .splitting = splitting}).verdict, Verdict::timeout);
    const Verification stopped = verify(network, property, {.splitting = splitting, .stop_requested = [] { return true; }});
    EXPECT_EQ(stopped.verdict, Verdict::unknown);
    EXPECT_NE(stopped.detail, "");
  }
}

TEST(Verify, NetworksWithoutHiddenLayersAreNoExceptions) {
  nn::Network network;  // y = (x_0 + x_1, x_0 - x_1)
  network.layers.push_back({.weight = (nn::WeightMatrix(2, 2) << 1, 1, 1, -1).finished(), .bias = Eigen::VectorXf::Zero(2)});
  problem::Property property{.inputs = 2, .outputs = 2, .boxes = {}};
  for (const double least : {0.9, 1.1}) {  // x_0 is at most 1
    const nn::OutputFunction sum{.coefficients = Eigen::Vector2d(1, 0), .constant = -least};
    const nn::OutputFunction difference{.coefficients = Eigen::Vector2d(0, 1), .constant = -least};
    property.boxes = {{.box = problem::unit_box(2), .unsafe = {{sum, difference}}}};
    EXPECT_EQ(verify(network, property, {}).verdict, least < 1 ? Verdict::sat : Verdict::unsat);
  }
}

TEST(Verify, RefusesAPropertyOfOtherSizes) {
  const nn::Network network = random_network({3, 4, 2}, 1), other = random_network({3, 4, 3}, 1);
  try {
    static_cast<void>(verify(network, random_property(other, 1, 0), {}));
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::data);
    EXPECT_STREQ(error.what(), "property: expected 3 inputs and 2 outputs (the network's), found 3 and 3");
  }
}

}  // namespace
}  // namespace espalier::engine
