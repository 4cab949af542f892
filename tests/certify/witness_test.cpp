#include "espalier/certify/witness.hpp"

#include <gtest/gtest.h>

namespace espalier::certify {
namespace {

/// y = x over two inputs; unsafe where x_0 >= bound.
struct Example {
  explicit Example(double bound) {
    network.layers.push_back({.weight = nn::WeightMatrix::Identity(2, 2), .bias = Eigen::VectorXf::Zero(2)});
    property.inputs = property.outputs = 2;
    const nn::OutputFunction f{.coefficients = Eigen::Vector2d(1, 0), .constant = -bound};
    property.boxes.push_back({.box = problem::unit_box(2), .unsafe = {{f}}});
  }
  nn::Network network;
  problem::Property property;
};

TEST(Witness, BecomesFloat32WithinTheBox) {
  const Example example(0.25);
  const auto witness = check_witness(example.network, example.property, Eigen::Vector2d(0.3, 1));
  ASSERT_TRUE(witness);
  EXPECT_EQ(witness->input, Eigen::Vector2d(0.3F, 1));
  EXPECT_EQ(witness->outputs, Eigen::Vector2f(0.3F, 1));
  EXPECT_DOUBLE_EQ(witness->margin, static_cast<double>(0.3F) - 0.25);
  EXPECT_DOUBLE_EQ(witness->margin_float32, witness->margin);
}

TEST(Witness, StaysAsItIsWhereFloat32IsSafe) {
  const double x = 0.3 + 1e-12;  // the nearest float32 numbers are below 0.3 and, outside the box, above
  Example example(0.3);
  example.property.boxes.front().box.upper[0] = x;
  const auto witness = check_witness(example.network, example.property, Eigen::Vector2d(x, 0.5));
  ASSERT_TRUE(witness);
  EXPECT_EQ(witness->input[0], x);
  EXPECT_GE(witness->margin, 0);
}

TEST(Witness, NothingThatIsSafeOrOutsideIsOne) {
  const Example example(0.25);
  EXPECT_FALSE(check_witness(example.network, example.property, Eigen::Vector2d(0.2499, 0)));
  EXPECT_FALSE(check_witness(example.network, example.property, Eigen::Vector2d(1.0001, 0)));
  EXPECT_FALSE(check_witness(example.network, example.property, Eigen::Vector2d(NAN, 0)));
}

TEST(Witness, Float32MustAgreeToTheToleranceOfTheCompetition) {
  Example example(0);
  // In float64 1e8 + 1 - 1e8 >= 1, in float32 it is 0.
  example.network.layers.front() = {.weight = nn::WeightMatrix::Identity(2, 2), .bias = Eigen::Vector2f(1e8F, 0)};
  example.property.boxes.front().unsafe.front().front().constant = -1e8 - 1;
  EXPECT_FALSE(check_witness(example.network, example.property, Eigen::Vector2d(1, 0)));
}

}  // namespace
}  // namespace espalier::certify
