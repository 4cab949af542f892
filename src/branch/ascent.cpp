#include "branch/ascent.hpp"

#include <algorithm>

namespace espalier::branch {

Ascent::Ascent(const nn::Network& network, const problem::BoxQuestion& question) : question_(question), random_(0, "ascent") {
  for (const nn::Layer& layer : network.layers) {
    weights_.emplace_back(layer.weight.cast<double>());
    biases_.emplace_back(layer.bias.cast<double>());
  }
}

std::vector<Eigen::VectorXd> Ascent::walk() {
  constexpr int steps = 20;
  constexpr double first_step = 0.3, shrink = 0.8;  // of the widths
  const Eigen::VectorXd width = question_.box.upper - question_.box.lower;
  const problem::Conjunction& conjunction = question_.unsafe[next_++ % question_.unsafe.size()];
  Eigen::VectorXd x = question_.box.lower;
  for (Eigen::Index i = 0; i < x.size(); ++i) x[i] += random_.uniform() * width[i];
  std::vector<Eigen::VectorXd> points;
  double length = first_step;
  for (int step = 0; step < steps; ++step, length *= shrink) {
    x += length * gradient(conjunction, x).cwiseSign().cwiseProduct(width);
    x = x.cwiseMax(question_.box.lower).cwiseMin(question_.box.upper);
    points.push_back(x);
  }
  return points;
}

/// Of the smallest function.
Eigen::VectorXd Ascent::gradient(const problem::Conjunction& conjunction, const Eigen::VectorXd& x) const {
  std::vector<Eigen::VectorXd> g{weights_.front() * x + biases_.front()};
  for (std::size_t k = 1; k < weights_.size(); ++k) g.emplace_back(weights_[k] * g.back().cwiseMax(0.0) + biases_[k]);
  const auto smallest =
      std::min_element(conjunction.begin(), conjunction.end(),
                       [&](const nn::OutputFunction& a, const nn::OutputFunction& b) { return a(g.back()) < b(g.back()); });
  Eigen::VectorXd slope = weights_.back().transpose() * smallest->coefficients;
  for (std::size_t k = weights_.size() - 1; k-- > 0;)
    slope = weights_[k].transpose() * (g[k].array() > 0).select(slope.array(), 0.0).matrix();
  return slope;
}

}  // namespace espalier::branch
