#include "attack/margin.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace espalier::attack {

Margin::Margin(const nn::Network& network, const nn::Objective& objective) {
  for (const nn::Layer& layer : network.layers) {
    weights_.emplace_back(layer.weight.cast<double>());
    biases_.emplace_back(layer.bias.cast<double>());
  }
  const nn::OutputRows output = output_rows(objective, network.layers.back());
  weights_.back() = output.weight;
  biases_.back() = output.bias;
}

Rows Margin::first_layer(const Rows& x) const {
  Rows g = x * weights_.front().transpose();
  g.rowwise() += biases_.front().transpose();
  return g;
}

Rows Margin::forward(const Rows& first, std::vector<Rows>& pre_activations) const {
  pre_activations.resize(weights_.size());
  pre_activations.front() = first;
  for (std::size_t k = 1; k < weights_.size(); ++k) {
    pre_activations[k].noalias() = pre_activations[k - 1].cwiseMax(0.0) * weights_[k].transpose();
    pre_activations[k].rowwise() += biases_[k].transpose();
  }
  Rows values = std::move(pre_activations.back());
  pre_activations.pop_back();
  return values;
}

Rows Margin::gradient(const std::vector<Rows>& pre_activations, const std::vector<Eigen::Index>& own,
                      const Eigen::VectorXd& smoothing) const {
  Rows gradient = weights_.back()(own, Eigen::all);
  for (std::size_t k = pre_activations.size(); k-- > 0;) {
    const double scale = pre_activations[k].cwiseAbs().mean();
    const Eigen::ArrayXd steepness = 0.5 / (smoothing.array() * scale + 1e-300);
    const auto derivative = (0.5 + (pre_activations[k].array().colwise() * steepness)).max(0.0).min(1.0);
    gradient = (gradient.array() * derivative).matrix().eval() * weights_[k];
  }
  return gradient;
}

namespace {

/// A hidden layer's state on the walk.
struct LayerState {
  Eigen::VectorXd g;       ///< pre-activations
  Eigen::VectorXd d;       ///< their derivatives along the walk
  Eigen::VectorXd active;  ///< 1 or 0
};

/// Where the next neuron changes its side.
struct Kink {
  double distance = std::numeric_limits<double>::infinity();
  std::size_t layer = 0;
  Eigen::Index neuron = 0;
};

Kink next_kink(const std::vector<LayerState>& layers) {
  Kink next;
  for (std::size_t k = 0; k < layers.size(); ++k) {
    const LayerState& layer = layers[k];
    for (Eigen::Index i = 0; i < layer.g.size(); ++i) {
      const double d = layer.d[i];
      if (layer.active[i] != 0 ? d >= 0 : d <= 0) continue;
      const double distance = std::max(0.0, -layer.g[i] / d);
      if (distance < next.distance) next = {.distance = distance, .layer = k, .neuron = i};
    }
  }
  return next;
}

}  // namespace

LineMaximum Margin::maximise_along(Eigen::Index function, const Eigen::VectorXd& g, const Eigen::VectorXd& d, const base::Budget& budget,
                                   int kinks) const {
  const std::size_t hidden = hidden_layers();
  // The clock is read after so many multiply-adds, which take some hundredths of a second: in small networks it costs as much as a kink.
  constexpr Eigen::Index between_looks = 10'000'000;
  Eigen::Index per_kink = 0, since_look = 0;
  for (std::size_t k = 1; k <= hidden; ++k) per_kink += weights_[k].size();
  if (hidden == 0) return d[function] > 0 ? LineMaximum{1.0, g[function] + d[function]} : LineMaximum{0.0, g[function]};
  std::vector<LayerState> layers(hidden);
  // Values once, derivatives again from the layer after every kink.
  const auto derive = [&](std::size_t from) {
    for (std::size_t k = from; k < hidden; ++k) layers[k].d = weights_[k] * layers[k - 1].d.cwiseProduct(layers[k - 1].active);
    return weights_[hidden].row(function).dot(layers[hidden - 1].d.cwiseProduct(layers[hidden - 1].active));
  };
  layers[0].g = g;
  layers[0].d = d;
  for (std::size_t k = 0; k < hidden; ++k) {
    if (k > 0) {
      layers[k].g = weights_[k] * layers[k - 1].g.cwiseMax(0.0) + biases_[k];
      layers[k].d = weights_[k] * layers[k - 1].d.cwiseProduct(layers[k - 1].active);
    }
    layers[k].active = ((layers[k].g.array() > 0) || (layers[k].g.array() == 0 && layers[k].d.array() > 0)).cast<double>();
  }
  double slope = derive(hidden);
  double value = weights_[hidden].row(function).dot(layers[hidden - 1].g.cwiseMax(0.0)) + biases_[hidden][function];
  LineMaximum best{.position = 0, .value = value};
  for (double t = 0; t < 1 && kinks > 0; --kinks) {
    if ((since_look += per_kink) > between_looks) {
      if (budget.spent()) break;
      since_look = 0;
    }
    const Kink kink = next_kink(layers);
    const double step = std::min(kink.distance, 1 - t);
    t += step;
    value += step * slope;
    if (value > best.value) best = {.position = std::min(t, 1.0), .value = value};
    if (kink.distance > step) break;  // the end of the segment
    for (LayerState& layer : layers) layer.g += step * layer.d;
    double& active = layers[kink.layer].active[kink.neuron];
    active = 1 - active;
    slope = derive(kink.layer + 1);
  }
  return best;
}

}  // namespace espalier::attack
