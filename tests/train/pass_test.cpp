// The kernels: products, pixel conversion, forward pass and gradients.
#include "train/pass.hpp"

#include <gtest/gtest.h>

#include <tuple>

#include "espalier/train/initial.hpp"
#include "small_data.hpp"
#include "train/batch.hpp"

namespace espalier::train {
namespace {

using Shape = std::vector<Eigen::Index>;

TEST(Product, EqualsEigenForEveryShapeClass) {
  using Matrix = Eigen::MatrixXd;
  for (const Eigen::Index rows : {8, 16, 24, 40})
    for (const Eigen::Index depth : {1, 7, 64})
      for (const Eigen::Index n : {1, 3, 4, 8, 9, 23}) {
        const Matrix a = Matrix::Random(rows, depth), b = Matrix::Random(depth, n), b_transposed = b.transpose();
        const Matrix expected = a * b;
        for (const Factor<double> factor : {Factor<double>{b.data(), 1, depth}, Factor<double>{b_transposed.data(), n, 1}}) {
          Matrix c = Matrix::Constant(rows, n, -7);
          product(a.data(), rows, rows, factor, depth, n,
                  [&](Eigen::Index i, Eigen::Index j, Vec<double> v) { store(c.data() + j * rows + i, v); });
          EXPECT_LE((c - expected).cwiseAbs().maxCoeff(), 1e-13) << rows << " " << depth << " " << n;
        }
      }
}

TEST(Pixels, AreDividedBy255ToTheLastBit) {
  std::vector<std::uint8_t> bytes(256 + 5);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i);
  for (const std::size_t size : {bytes.size(), std::size_t{3}}) {
    std::vector<float> floats(size + 1, -1);
    to_float(bytes.data(), static_cast<Eigen::Index>(size), floats.data());
    for (std::size_t i = 0; i < size; ++i) EXPECT_EQ(floats[i], static_cast<float>(bytes[i]) / 255.0f) << i;
    EXPECT_EQ(floats[size], -1);
  }
}

TEST(Batch, FollowsTheOrder) {
  const data::Samples samples = random_samples(9, 3, 4, 1);
  Batch batch(samples, 4);
  const std::vector<std::uint32_t> order = {8, 0, 3, 3, 7, 1, 2, 4, 5};
  batch.load(order, 3, 4);
  for (std::size_t s = 0; s < 4; ++s) {
    EXPECT_EQ(batch.labels()[s], samples.labels[order[3 + s]]);
    EXPECT_EQ((Eigen::Map<const Eigen::VectorXf>(batch.inputs() + 9 * s, 9).cast<double>()), samples.input(order[3 + s]));
  }
  batch.load({}, 5, 4);
  EXPECT_EQ((Eigen::Map<const Eigen::VectorXf>(batch.inputs(), 9).cast<double>()), samples.input(5));
}

/// Loss and gradient at `parameters`, of n random inputs.
template <class T>
struct Problem {
  Problem(const Shape& widths, Eigen::Index n)
      : network(initial_network(widths, Initialisation::fan_in, 3)), layout(network), pass(layout, n) {
    x = Eigen::Matrix<T, -1, -1>::Random(widths.front(), n).cwiseAbs();
    for (Eigen::Index s = 0; s < n; ++s) labels.push_back(static_cast<std::uint8_t>((s * 7 + 1) % widths.back()));
  }
  double loss(const Buffer<T>& parameters) {
    pass.forward(parameters.data(), x.data(), x.cols());
    return pass.cross_entropy(labels.data(), x.cols()) / static_cast<double>(x.cols());
  }
  Buffer<T> gradient(const Buffer<T>& parameters) {
    Buffer<T> result(parameters.size(), T(99));
    loss(parameters);
    pass.backward(parameters.data(), x.data(), x.cols(), result.data());
    return result;
  }
  nn::Network network;
  Layout<T> layout;
  Pass<T> pass;
  Eigen::Matrix<T, -1, -1> x;
  std::vector<std::uint8_t> labels;
};

class Gradient : public ::testing::TestWithParam<std::tuple<Shape, Eigen::Index>> {};

TEST_P(Gradient, EqualsFiniteDifferencesInDouble) {
  const auto& [widths, n] = GetParam();
  Problem<double> problem(widths, n);
  Buffer<double> parameters = problem.layout.gather(problem.network);
  const Buffer<double> gradient = problem.gradient(parameters);
  Buffer<double> used(parameters.size());
  for (auto& view : problem.layout.views(used)) {
    view.weight.setOnes();
    view.bias.setOnes();
  }
  double largest = 0;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (used[i] == 0) {
      EXPECT_EQ(gradient[i], 0) << "padding " << i;
      continue;
    }
    const double h = 1e-6, old = parameters[i];
    parameters[i] = old + h;
    const double above = problem.loss(parameters);
    parameters[i] = old - h;
    const double below = problem.loss(parameters);
    parameters[i] = old;
    EXPECT_NEAR(gradient[i], (above - below) / (2 * h), 1e-8) << i;
    largest = std::max(largest, std::abs(gradient[i]));
  }
  EXPECT_GT(largest, 1e-3);  // else the comparison says nothing
}

TEST_P(Gradient, FloatAgreesWithDouble) {
  const auto& [widths, n] = GetParam();
  Problem<double> exact(widths, n);
  Problem<float> single(widths, n);
  exact.x = single.x.template cast<double>();
  Buffer<double> g = exact.gradient(exact.layout.gather(exact.network));
  Buffer<float> f = single.gradient(single.layout.gather(single.network));
  const auto gv = exact.layout.views(g);
  const auto fv = single.layout.views(f);
  for (std::size_t k = 0; k < gv.size(); ++k) {
    EXPECT_LE((gv[k].weight - fv[k].weight.template cast<double>()).cwiseAbs().maxCoeff(), 2e-7);
    EXPECT_LE((gv[k].bias - fv[k].bias.template cast<double>()).cwiseAbs().maxCoeff(), 2e-7);
  }
}

TEST_P(Gradient, ForwardAgreesWithTheNetwork) {
  const auto& [widths, n] = GetParam();
  Problem<double> problem(widths, n);
  const Buffer<double> parameters = problem.layout.gather(problem.network);
  const double* logits = problem.pass.forward(parameters.data(), problem.x.data(), n);
  for (Eigen::Index s = 0; s < n; ++s) {
    const Eigen::VectorXd expected = nn::forward(problem.network, Eigen::VectorXd(problem.x.col(s)));
    const Eigen::Map<const Eigen::VectorXd> found(logits + s * problem.layout.places().back().stride, widths.back());
    EXPECT_LE((found - expected).cwiseAbs().maxCoeff(), 1e-13);
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, Gradient,
                         ::testing::Values(std::tuple{Shape{5, 3}, Eigen::Index{1}}, std::tuple{Shape{7, 16, 4}, Eigen::Index{8}},
                                           std::tuple{Shape{11, 17, 9, 10}, Eigen::Index{13}},
                                           std::tuple{Shape{9, 33, 32, 5, 6}, Eigen::Index{21}}));

TEST(CrossEntropy, ByHandAndWithoutOverflow) {
  // One layer, zero weights: the logits are the biases. Label 0 of logits (1000, 999): log(1 + exp(-1)).
  Problem<float> problem({4, 2}, 2);
  problem.network.layers[0].weight.setZero();
  problem.network.layers[0].bias << 1000, 999;
  problem.labels = {0, 1};
  Buffer<float> parameters = problem.layout.gather(problem.network);
  EXPECT_NEAR(problem.loss(parameters), (std::log1p(std::exp(-1.0)) + std::log1p(std::exp(1.0))) / 2, 1e-6);
  problem.network.layers[0].bias.setConstant(-3e38f);
  parameters = problem.layout.gather(problem.network);
  EXPECT_NEAR(problem.loss(parameters), std::log(2.0), 1e-6);
}

TEST(CrossEntropy, NaNAnywhereShowsInTheLoss) {
  for (std::size_t k = 0; k < 3; ++k) {
    Problem<float> problem({6, 5, 4, 3}, 4);
    Buffer<float> parameters = problem.layout.gather(problem.network);
    problem.layout.views(parameters)[k].bias[1] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_FALSE(std::isfinite(problem.loss(parameters))) << "layer " << k;
  }
}

}  // namespace
}  // namespace espalier::train
