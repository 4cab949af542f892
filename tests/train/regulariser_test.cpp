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

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// Options under which a term is defined on a network of two layers; M is such that rows of every case occur.
RegulariserOptions options_of(double strength) { return {.strength = strength, .alpha = 0.4, .big_m = {0.6, 0.6}}; }

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
  const auto regulariser = make_regulariser(GetParam(), options_of(0.75));
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
    const auto regulariser = make_regulariser(GetParam(), options_of(strength));
    train(trained, data,
          {.epochs = 30, .batch_size = 16, .learning_rate = 1e-2f, .regularisers = {regulariser}, .measure_accuracy = false});
    const Layout<float> l(trained);
    Buffer<float> values = l.gather(trained), gradient(values.size());
    auto views = l.views(gradient);
    return make_regulariser(GetParam(), options_of(1))->add(l.views(values), views);
  };
  EXPECT_LT(size(GetParam() == "spr" ? 1 : 0.1), 0.8 * size(0));
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

TEST(L2, ByHand) {
  nn::Network network = initial_network({2, 2}, Initialisation::fan_in, 0);
  network.layers[0].weight << 1, -2, 0, 0.5f;
  network.layers[0].bias << 100, -100;
  const Layout<float> layout(network);
  Buffer<float> parameters = layout.gather(network), gradient(parameters.size());
  auto views = layout.views(gradient);
  EXPECT_DOUBLE_EQ(make_regulariser("l2", {.strength = 2})->add(layout.views(parameters), views), 2 * 5.25);
  EXPECT_EQ(views[0].weight, (Eigen::Matrix2f{{4, -8}, {0, 2}}));
  EXPECT_EQ(views[0].bias, Eigen::Vector2f(0, 0));
}

/// One layer whose rows are given, and what a regulariser makes of it.
struct OneLayer {
  OneLayer(const Eigen::MatrixXf& weight, const Eigen::VectorXf& bias)
      : network{{{.weight = weight, .bias = bias, .mask = {}}}}, layout(network), parameters(layout.gather(network)) {}
  double value(const std::string& name, const RegulariserOptions& options) {
    gradient.assign(parameters.size(), 0.0f);
    auto views = layout.views(gradient);
    return make_regulariser(name, options)->add(layout.views(parameters), views);
  }
  nn::Network network;
  Layout<float> layout;
  Buffer<float> parameters, gradient;
};

TEST(GroupLasso, ByHand) {
  OneLayer layer(Eigen::MatrixXf{{2, 4}, {0, 0}}, Eigen::Vector2f(4, 0));
  EXPECT_NEAR(layer.value("group_lasso", {.strength = 0.5}), 0.5 * std::sqrt(3) * 6, 1e-12);
  const auto view = layer.layout.views(layer.gradient)[0];
  const float unit = static_cast<float>(0.5 * std::sqrt(3) / 6);
  EXPECT_TRUE(view.weight.isApprox(unit * Eigen::MatrixXf{{2, 4}, {0, 0}}));
  EXPECT_TRUE(view.bias.isApprox(unit * Eigen::Vector2f(4, 0)));
}

/// The definition, by ternary search over y: convex in y, so independent of the closed form.
double perspective(double alpha, double m, const Eigen::VectorXd& g) {
  if (g.isZero(0)) return 0;
  const auto f = [&](double y) { return alpha * g.squaredNorm() / y + (1 - alpha) * y; };
  double low = std::min(1.0, g.lpNorm<Eigen::Infinity>() / m), high = 1;
  for (int i = 0; i < 200; ++i) {
    const double a = low + (high - low) / 3, b = high - (high - low) / 3;
    (f(a) < f(b) ? high : low) = f(a) < f(b) ? b : a;
  }
  return f((low + high) / 2);
}

struct SprCase {
  std::string name;
  double alpha, m;
  Eigen::VectorXf group;  ///< weights, then the bias
  friend void PrintTo(const SprCase& c, std::ostream* out) { *out << c.name; }
};

/// With ten entries of 0.1 (||g||_2 = 0.316): alpha and M choose the case.
const std::vector<SprCase> spr_cases{
    {"norm", 0.9, 1.0, Eigen::VectorXf::Constant(10, 0.1f)},
    {"bounded", 0.1, 0.12, (Eigen::VectorXf(4) << 0.1f, -0.02f, 0.05f, 0.01f).finished()},
    {"bounded_by_the_bias", 0.1, 0.12, (Eigen::VectorXf(4) << 0.02f, -0.02f, 0.05f, -0.1f).finished()},
    {"saturated_by_the_norm", 0.9, 10.0, Eigen::VectorXf::Constant(10, 1.0f)},
    {"saturated_by_M", 0.1, 0.05, Eigen::VectorXf::Constant(10, 0.1f)},
    {"tiny", 0.5, 1.0, Eigen::VectorXf::Constant(3, 1e-6f)},
    {"near_the_border_of_norm_and_bounded", 0.5, std::sqrt(0.1) / 0.1 / std::sqrt(10) * 0.9999, Eigen::VectorXf::Constant(10, 0.1f)},
    {"near_the_border_of_norm_and_saturated", 0.5, 10.0, Eigen::VectorXf::Constant(4, 0.499999f)},
    {"near_the_border_of_bounded_and_saturated", 0.1, 0.1000001, (Eigen::VectorXf(2) << 0.1f, 0.01f).finished()},
};

class SprCases : public ::testing::TestWithParam<SprCase> {};

OneLayer one_row(const Eigen::VectorXf& group) { return {group.head(group.size() - 1).transpose(), group.tail(1)}; }

TEST_P(SprCases, EqualsTheDefinitionAndItsSlope) {
  const SprCase& c = GetParam();
  const RegulariserOptions options{.strength = 1, .alpha = c.alpha, .scaling = Scaling::plain, .big_m = {c.m}};
  OneLayer layer = one_row(c.group);
  const Eigen::VectorXd g = c.group.cast<double>();
  EXPECT_NEAR(layer.value("spr", options), perspective(c.alpha, c.m, g), 1e-9);
  if (c.name == "near_the_border_of_bounded_and_saturated") return;  // continuous there, with a kink
  const auto view = layer.layout.views(layer.gradient)[0];
  Eigen::VectorXd analytic(g.size());
  analytic << view.weight.row(0).transpose().cast<double>(), static_cast<double>(view.bias[0]);
  // Along a direction that keeps equal entries equal, the function is smooth at ties as well.
  const Eigen::VectorXd direction = g / g.norm();
  const double h = 1e-4 * g.norm();
  const double slope = (perspective(c.alpha, c.m, g + h * direction) - perspective(c.alpha, c.m, g - h * direction)) / (2 * h);
  EXPECT_NEAR(analytic.dot(direction), slope, 2e-4 * (1 + std::abs(slope)));
}

TEST_P(SprCases, EveryEntryOfTheGradientEqualsFiniteDifferences) {
  const SprCase& c = GetParam();
  if (c.name.starts_with("near") || c.group.cwiseAbs().minCoeff() == c.group.cwiseAbs().maxCoeff()) return;  // kinks
  const RegulariserOptions options{.strength = 1, .alpha = c.alpha, .scaling = Scaling::plain, .big_m = {c.m}};
  OneLayer layer = one_row(c.group);
  layer.value("spr", options);
  const auto view = layer.layout.views(layer.gradient)[0];
  for (Eigen::Index k = 0; k < c.group.size(); ++k) {
    Eigen::VectorXd up = c.group.cast<double>(), down = up;
    up[k] += 1e-5, down[k] -= 1e-5;
    const double slope = (perspective(c.alpha, c.m, up) - perspective(c.alpha, c.m, down)) / 2e-5;
    const double found = static_cast<double>(k + 1 < c.group.size() ? view.weight(0, k) : view.bias[0]);
    EXPECT_NEAR(found, slope, 1e-4 * (1 + std::abs(slope))) << "entry " << k;
  }
}

INSTANTIATE_TEST_SUITE_P(Spr, SprCases, ::testing::ValuesIn(spr_cases), [](const auto& i) { return i.param.name; });

TEST(Spr, OfNothingIsNothing) {
  OneLayer layer = one_row(Eigen::VectorXf::Zero(4));
  EXPECT_EQ(layer.value("spr", {.strength = 1, .big_m = {1}}), 0);
  for (const float g : layer.gradient) EXPECT_EQ(g, 0);
}

TEST(Spr, TiesShareTheExtraSlope) {
  OneLayer layer = one_row((Eigen::VectorXf(4) << 0.1f, -0.1f, 0.01f, 0.1f).finished());
  layer.value("spr", {.strength = 1, .alpha = 0.1, .scaling = Scaling::plain, .big_m = {0.12}});
  const auto view = layer.layout.views(layer.gradient)[0];
  EXPECT_FLOAT_EQ(view.weight(0, 0), -view.weight(0, 1));
  EXPECT_FLOAT_EQ(view.weight(0, 0), view.bias[0]);
}

TEST(Spr, ScalesALayerByItsInputsOverAllParameters) {
  nn::Network network = initial_network({7, 70, 4}, Initialisation::fan_in, 1);  // more than one block of rows
  const Layout<float> layout(network);
  Buffer<float> parameters = layout.gather(network), gradient(parameters.size());
  auto views = layout.views(gradient);
  double expected = 0;
  for (const nn::Layer& layer : network.layers) {
    double sum = 0;
    for (Eigen::Index i = 0; i < layer.outputs(); ++i) {
      Eigen::VectorXd g(layer.inputs() + 1);
      g << layer.weight.row(i).transpose().cast<double>(), static_cast<double>(layer.bias[i]);
      sum += perspective(0.3, 0.5, g);
    }
    expected += 2 * sum * static_cast<double>(layer.inputs() + 1) / static_cast<double>(network.parameter_count());
  }
  EXPECT_NEAR(make_regulariser("spr", {.strength = 2, .alpha = 0.3, .big_m = {0.5, 0.5}})->add(layout.views(parameters), views), expected,
              1e-8);
}

TEST(Spr, RefusesWhatIsUndefined) {
  const auto make = [](double alpha, std::vector<double> m) { return make_regulariser("spr", {.alpha = alpha, .big_m = std::move(m)}); };
  EXPECT_THAT([&] { make(0, {1}); }, ThrowsMessage<base::Error>(HasSubstr("expected alpha in (0, 1), found 0")));
  EXPECT_THAT([&] { make(1, {1}); }, ThrowsMessage<base::Error>(HasSubstr("expected alpha in (0, 1), found 1")));
  EXPECT_THAT([&] { make(0.5, {1, 0}); }, ThrowsMessage<base::Error>(HasSubstr("expected M > 0 in layer 1")));
  OneLayer layer = one_row(Eigen::VectorXf::Ones(3));
  EXPECT_THAT([&] { layer.value("spr", {.big_m = {1, 1}}); }, ThrowsMessage<base::Error>(HasSubstr("expected an M for each")));
}

TEST(LargestWeights, OfEveryLayerWithoutBiases) {
  nn::Network network = initial_network({2, 1, 1}, Initialisation::fan_in, 0);
  network.layers[0].weight << 1, -3;
  network.layers[0].bias << 100;
  network.layers[1].weight << 0;
  EXPECT_THAT(largest_weights(network), ::testing::ElementsAre(3, 0));
}

TEST(Regulariser, RefusesUnknownNamesAndStrengths) {
  EXPECT_THROW(make_regulariser("l3", {}), base::Error);
  EXPECT_THROW(make_regulariser("l1", {.strength = -1}), base::Error);
  EXPECT_THROW(make_regulariser("l1", {.strength = std::numeric_limits<double>::quiet_NaN()}), base::Error);
}

}  // namespace
}  // namespace espalier::train
