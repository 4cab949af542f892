#include "espalier/prune/threshold.hpp"

#include <cmath>

#include "espalier/base/error.hpp"
#include "espalier/train/train.hpp"

namespace espalier::prune {
namespace {

void check_options(const ThresholdOptions& o) {
  const auto refuse = [](const char* name, const char* expected, auto found) {
    base::fail(base::ErrorKind::configuration, "pruning by threshold: expected {} {}, found {}", name, expected, found);
  };
  if (!(o.tolerance >= 0 && o.tolerance <= 1)) refuse("a tolerance", "in [0, 1]", o.tolerance);
  if (!(o.row_fraction >= 0 && o.row_fraction < 1)) refuse("a row_fraction", "in [0, 1)", o.row_fraction);
  if (!(std::isfinite(o.largest_threshold) && o.largest_threshold > 0)) refuse("a largest_threshold", "above 0", o.largest_threshold);
  if (o.steps < 1) refuse("steps", "of at least 1", o.steps);
}

std::size_t pruned_layers(const nn::Network& network, const ThresholdOptions& options) {
  return options.prune_output ? network.layers.size() : network.hidden_layers();
}

template <class Derived>
auto survives(const Eigen::DenseBase<Derived>& values, double threshold) {
  return values.derived().array().abs().template cast<double>() > threshold;
}

nn::Network thresholded(nn::Network network, double threshold, const ThresholdOptions& options) {
  for (std::size_t k = 0; k < pruned_layers(network, options); ++k) {
    nn::Layer& layer = network.layers[k];
    layer.weight = survives(layer.weight, threshold).select(layer.weight, 0.0f).eval();
    layer.bias = survives(layer.bias, threshold).select(layer.bias, 0.0f).eval();
  }
  return network;
}

/// Rows that keep their weights, true or false each.
Eigen::Array<bool, Eigen::Dynamic, 1> surviving_rows(const nn::Layer& layer, double threshold, double row_fraction) {
  const auto count = survives(layer.weight, threshold).cast<double>().rowwise().sum().eval();
  return count > row_fraction * static_cast<double>(layer.inputs());
}

void prune_rows(nn::Layer& layer, double threshold, bool hidden, const ThresholdOptions& options) {
  auto keep = surviving_rows(layer, threshold, options.row_fraction);
  if (hidden && !keep.any()) {
    Eigen::Index largest = 0;
    layer.weight.cwiseAbs().rowwise().sum().maxCoeff(&largest);
    keep[largest] = true;
  }
  if (!layer.masked()) layer.mask = nn::Mask::Ones(layer.outputs(), layer.inputs());
  for (Eigen::Index i = 0; i < layer.outputs(); ++i) {
    if (keep[i]) continue;
    layer.weight.row(i).setZero();
    layer.mask.row(i).setZero();
  }
  layer.bias = survives(layer.bias, threshold).select(layer.bias, 0.0f).eval();
}

}  // namespace

ThresholdResult prune_by_threshold(const nn::Network& network, const data::Samples& train, const ThresholdOptions& options) {
  check_options(options);
  ThresholdResult result{.network = network, .train_accuracy = train::accuracy(network, train), .trials = {}};
  double lower = 0, upper = options.largest_threshold;
  for (int step = 0; step < options.steps; ++step) {
    const double threshold = (lower + upper) / 2;
    const double accuracy = train::accuracy(thresholded(network, threshold, options), train);
    const bool accepted = result.train_accuracy - accuracy < options.tolerance;
    (accepted ? lower : upper) = threshold;
    result.trials.push_back({threshold, accuracy, accepted});
  }
  result.threshold = lower;
  for (std::size_t k = 0; k < pruned_layers(network, options); ++k)
    prune_rows(result.network.layers[k], result.threshold, k < network.hidden_layers(), options);
  return result;
}

}  // namespace espalier::prune
