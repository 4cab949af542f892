#include "espalier/train/regulariser.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "espalier/base/error.hpp"
#include "espalier/train/initial.hpp"
#include "espalier/train/train.hpp"
#include "small_data.hpp"
#include "train/parameters.hpp"

namespace espalier::train {
namespace {

/// What every regulariser must do, whatever its formula.
class AnyRegulariser : public ::testing::TestWithParam<std::string> {
 protected:
  AnyRegulariser() : network(initial_network({7, 9, 4}, Initialisation::fan_in, 1)), layout(network), parameters(layout.gather(network)) {}
  double value(const Regulariser& r) {
    Buffer<float> ignored(parameters.size());
    auto views = layout.views(ignored);
    return r.add(layout.views(parameters), views);
  }
  nn::Network network;
  Layout<float> layout;
  Buffer<float> parameters;
};

TEST_P(AnyRegulariser, GradientEqualsFiniteDifferencesAndIsAdded) {
  const auto regulariser = make_regulariser(GetParam(), {.strength = 0.75});
  EXPECT_EQ(regulariser->name(), GetParam());
  Buffer<float> gradient(parameters.size(), 0.5f);
  auto views = layout.views(gradient);
  regulariser->add(layout.views(parameters), views);
  for (std::size_t k = 0; k < views.size(); ++k)
    for (Eigen::Index i = 0; i < views[k].weight.rows(); ++i)
      for (Eigen::Index j = 0; j < views[k].weight.cols(); ++j) {
        float& w = layout.views(parameters)[k].weight(i, j);
        const float old = w, h = 1e-3f;
        if (std::abs(old) < 2 * h) continue;  // a kink may lie in between
        w = old + h;
        const double above = value(*regulariser);
        w = old - h;
        const double below = value(*regulariser);
        w = old;
        EXPECT_NEAR(views[k].weight(i, j) - 0.5, (above - below) / (2.0 * h), 2e-3);
      }
}

TEST_P(AnyRegulariser, MakesItsOwnValueSmallerInTraining) {
  const data::Dataset data = random_dataset(64, 3, 4, 1);
  const nn::Network start = initial_network({9, 8, 4}, Initialisation::fan_in, 1);
  const auto size = [&](double strength) {
    nn::Network trained = start;
    const auto regulariser = make_regulariser(GetParam(), {.strength = strength});
    train(trained, data,
          {.epochs = 30, .batch_size = 16, .learning_rate = 1e-2f, .regularisers = {regulariser}, .measure_accuracy = false});
    const Layout<float> l(trained);
    Buffer<float> values = l.gather(trained), gradient(values.size());
    auto views = l.views(gradient);
    return make_regulariser(GetParam(), {.strength = 1})->add(l.views(values), views);
  };
  EXPECT_LT(size(0.01), 0.8 * size(0));
}

INSTANTIATE_TEST_SUITE_P(Registry, AnyRegulariser, ::testing::ValuesIn(regulariser_names()), [](const auto& i) { return i.param; });

TEST(L1, ByHand) {
  nn::Network network = initial_network({2, 2}, Initialisation::fan_in, 0);
  network.layers[0].weight << 1, -2, 0, 0.5f;
  network.layers[0].bias << 100, -100;
  const Layout<float> layout(network);
  Buffer<float> parameters = layout.gather(network), gradient(parameters.size());
  auto views = layout.views(gradient);
  EXPECT_DOUBLE_EQ(make_regulariser("l1", {.strength = 2})->add(layout.views(parameters), views), 7);
  EXPECT_EQ(views[0].weight, (Eigen::Matrix2f{{2, -2}, {0, 2}}));
  EXPECT_EQ(views[0].bias, Eigen::Vector2f(0, 0));
}

TEST(Regulariser, RefusesUnknownNamesAndStrengths) {
  EXPECT_THROW(make_regulariser("l3", {}), base::Error);
  EXPECT_THROW(make_regulariser("l1", {.strength = -1}), base::Error);
  EXPECT_THROW(make_regulariser("l1", {.strength = std::numeric_limits<double>::quiet_NaN()}), base::Error);
}

}  // namespace
}  // namespace espalier::train
