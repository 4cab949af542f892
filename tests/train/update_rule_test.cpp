#include "espalier/train/update_rule.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "espalier/base/error.hpp"

namespace espalier::train {
namespace {

/// What every rule must do, whatever its formula.
class AnyRule : public ::testing::TestWithParam<std::string> {};

constexpr std::size_t count = 37;  // not a multiple of any vector width

TEST_P(AnyRule, ParametersAtZeroWithoutGradientStayExactlyZero) {
  const auto rule = make_update_rule(GetParam(), {.momentum = 0.9f}, count);
  std::vector<float> w(count), g(count);
  for (std::size_t i = 0; i < count; i += 2) w[i] = 1;
  for (int t = 0; t < 5; ++t) {
    for (std::size_t i = 0; i < count; i += 2) g[i] = 0.1f * static_cast<float>(t) - 0.3f;
    rule->step({.parameters = w, .gradient = g, .gradient_scale = 0.5f, .weight_decay = 0.1f, .learning_rate = 0.1f});
  }
  for (std::size_t i = 1; i < count; i += 2) EXPECT_EQ(w[i], 0) << i;
  for (std::size_t i = 0; i < count; i += 2) EXPECT_NE(w[i], 1) << i;
}

TEST_P(AnyRule, EveryPositionIsTreatedAlike) {
  const auto rule = make_update_rule(GetParam(), {.momentum = 0.5f}, count);
  std::vector<float> w(count, 0.7f), g(count);
  for (int t = 0; t < 4; ++t) {
    std::fill(g.begin(), g.end(), 0.3f + static_cast<float>(t));
    rule->step({.parameters = w, .gradient = g, .weight_decay = 0.01f, .learning_rate = 0.02f});
  }
  for (std::size_t i = 0; i < count; ++i) EXPECT_NEAR(w[i], w[0], 1e-6) << i;
}

TEST_P(AnyRule, GoesDownhill) {
  const auto rule = make_update_rule(GetParam(), {}, count);
  std::vector<float> w(count, 2), g(count);
  for (int t = 0; t < 300; ++t) {
    for (std::size_t i = 0; i < count; ++i) g[i] = w[i] - 0.5f;
    rule->step({.parameters = w, .gradient = g, .learning_rate = 0.05f});
  }
  for (const float x : w) EXPECT_NEAR(x, 0.5f, 0.01);
}

TEST_P(AnyRule, ZeroRateChangesNothing) {
  const auto rule = make_update_rule(GetParam(), {}, 3);
  std::vector<float> w = {1, -2, 3};
  const std::vector<float> g = {5, 5, -5};
  rule->step({.parameters = w, .gradient = g, .weight_decay = 0.1f, .learning_rate = 0});
  EXPECT_EQ(w, (std::vector<float>{1, -2, 3}));
}

INSTANTIATE_TEST_SUITE_P(Registry, AnyRule, ::testing::ValuesIn(update_rule_names()), [](const auto& i) { return i.param; });

TEST(Sgd, ByHand) {
  // g = 2 * 0.5 + 0.1 * 10 = 2; u = 2; w = 10 - 0.25 * 2 = 9.5. Then g = 1 + 0.95 = 1.95, u = 0.5 * 2 + 1.95 = 2.95, w = 9.5 - 0.7375.
  const auto rule = make_update_rule("sgd", {.momentum = 0.5f}, 1);
  std::vector<float> w = {10};
  const std::vector<float> g = {2};
  const auto step = [&] {
    rule->step({.parameters = w, .gradient = g, .gradient_scale = 0.5f, .weight_decay = 0.1f, .learning_rate = 0.25f});
  };
  step();
  EXPECT_FLOAT_EQ(w[0], 9.5f);
  step();
  EXPECT_FLOAT_EQ(w[0], 8.7625f);
}

TEST(Adam, FirstStepIsTheRateInEveryDirection) {
  // m / (1 - b1) = g and sqrt(v / (1 - b2)) = |g|: the step is rate * g / (|g| + epsilon).
  const auto rule = make_update_rule("adam", {}, count);
  std::vector<float> w(count), g(count);
  for (std::size_t i = 0; i < count; ++i) g[i] = (i % 2 ? 1.0f : -1.0f) * std::pow(10.0f, static_cast<float>(i % 7) - 5);
  rule->step({.parameters = w, .gradient = g, .learning_rate = 0.01f});
  for (std::size_t i = 0; i < count; ++i) EXPECT_NEAR(w[i], -0.01f * g[i] / (std::abs(g[i]) + 1e-8f), 1e-7) << i;
}

TEST(Adam, FollowsTheFormulaInDouble) {
  const auto rule = make_update_rule("adam", {.beta_1 = 0.8f, .beta_2 = 0.95f, .epsilon = 1e-3f}, count);
  std::vector<float> w(count), g(count);
  std::vector<double> x(count), m(count), v(count);
  for (std::size_t i = 0; i < count; ++i) x[i] = w[i] = 0.1f * static_cast<float>(i);
  for (int t = 1; t <= 20; ++t) {
    for (std::size_t i = 0; i < count; ++i) g[i] = std::sin(static_cast<float>(i) + 0.7f * static_cast<float>(t));
    rule->step({.parameters = w, .gradient = g, .gradient_scale = 0.25f, .weight_decay = 0.02f, .learning_rate = 0.01f});
    for (std::size_t i = 0; i < count; ++i) {
      const double d = 0.25 * static_cast<double>(g[i]) + 0.02 * x[i];
      m[i] = 0.8 * m[i] + 0.2 * d;
      v[i] = 0.95 * v[i] + 0.05 * d * d;
      x[i] -= 0.01 * (m[i] / (1 - std::pow(0.8, t))) / (std::sqrt(v[i] / (1 - std::pow(0.95, t))) + 1e-3);
    }
  }
  for (std::size_t i = 0; i < count; ++i) EXPECT_NEAR(w[i], x[i], 2e-6) << i;
}

TEST(UpdateRule, RefusesAnUnknownName) {
  try {
    make_update_rule("adan", {}, 1);
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::configuration);
    EXPECT_STREQ(error.what(), "update rule: expected one of adam, sgd, found 'adan' (did you mean 'adam'?)");
  }
}

}  // namespace
}  // namespace espalier::train
