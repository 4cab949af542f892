#include "espalier/nn/objective.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "espalier/base/random.hpp"

namespace espalier::nn {
namespace {

TEST(Objective, IsTheLargestOfItsFunctions) {
  const Eigen::Vector3d y(1, 2, 4.5);
  EXPECT_EQ(targeted(3, 0, 2)(y), 3.5);
  EXPECT_EQ(targeted(3, 2, 0)(y), -3.5);
  EXPECT_EQ(untargeted(3, 1)(y), 2.5);
  EXPECT_EQ(untargeted(3, 2)(y), -2.5);
  const Objective objective{.functions = {{.coefficients = Eigen::Vector3d(1, 1, -1), .constant = 0.25},
                                          {.coefficients = Eigen::Vector3d(0, -1, 0), .constant = 1}}};
  EXPECT_EQ(objective(y), -1);
}

TEST(Objective, NaNIsNoMargin) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(std::isnan(untargeted(3, 0)(Eigen::Vector3d(0, nan, 1))));
  EXPECT_TRUE(std::isnan(untargeted(3, 0)(Eigen::Vector3d(0, 1, nan))));
  EXPECT_EQ(targeted(3, 0, 1)(Eigen::Vector3d(0, 1, nan)), 1) << "an output that it does not read";
}

TEST(Objective, RowsOfTheOutputLayerAreItsFunctionsOfTheLastHiddenLayer) {
  base::RandomStream random(1, "rows");
  Layer layer{.weight = WeightMatrix(4, 6), .bias = Eigen::VectorXf(4), .mask = {}};
  for (float& w : layer.weight.reshaped()) w = static_cast<float>(random.uniform(-1, 1));
  for (float& b : layer.bias) b = static_cast<float>(random.uniform(-1, 1));
  Objective objective = untargeted(4, 2);
  objective.functions.push_back({.coefficients = Eigen::Vector4d(0.5, 0, -3, 0.1), .constant = 7});
  const OutputRows rows = output_rows(objective, layer);
  const Eigen::VectorXd h = Eigen::VectorXd::NullaryExpr(6, [&random] { return random.uniform(); });
  const Eigen::VectorXd y = layer.weight.cast<double>() * h + layer.bias.cast<double>();
  ASSERT_EQ(rows.bias.size(), 4);
  for (Eigen::Index k = 0; k < 4; ++k)
    EXPECT_NEAR(rows.weight.row(k).dot(h) + rows.bias[k], objective.functions[static_cast<std::size_t>(k)](y), 1e-14);
  // A margin's row is exact.
  const OutputRow margin = output_row(class_margin(4, 2, 0), layer);
  for (Eigen::Index j = 0; j < 6; ++j)
    EXPECT_EQ(margin.weight[j], static_cast<double>(layer.weight(0, j)) - static_cast<double>(layer.weight(2, j)));
}

}  // namespace
}  // namespace espalier::nn
