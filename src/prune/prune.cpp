#include "espalier/prune/prune.hpp"

#include <fmt/format.h>
#include <array>
#include <string_view>
#include <utility>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "espalier/base/error.hpp"
#include "espalier/prune/criterion.hpp"

namespace espalier::prune {
namespace {

using base::ErrorKind;
using Indices = std::vector<Eigen::Index>;

void check_options(const PruneOptions& o) {
  if (!(o.rate >= 0 && o.rate < 1)) base::fail(ErrorKind::configuration, "pruning: expected a rate in [0, 1), found {}", o.rate);
  if (o.steps < 1) base::fail(ErrorKind::configuration, "pruning: expected at least 1 step, found {}", o.steps);
}

Indices unpruned_weights(const nn::Layer& layer) {
  Indices result;
  for (Eigen::Index i = 0; i < layer.mask.size(); ++i)
    if (layer.mask.data()[i] != 0) result.push_back(i);
  return result;
}

Indices unpruned_rows(const nn::Layer& layer) {
  Indices result;
  for (Eigen::Index i = 0; i < layer.mask.rows(); ++i)
    if ((layer.mask.row(i).array() != 0).any()) result.push_back(i);
  return result;
}

/// The `count` candidates of lowest score; among equal scores those that stand first.
Indices lowest(const Indices& candidates, const std::vector<double>& scores, std::size_t count) {
  std::vector<std::size_t> order(candidates.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto before = [&](std::size_t a, std::size_t b) { return scores[a] != scores[b] ? scores[a] < scores[b] : a < b; };
  std::nth_element(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(), before);
  Indices result;
  for (std::size_t k = 0; k < count; ++k) result.push_back(candidates[order[k]]);
  return result;
}

void prune_layer(nn::Layer& layer, const PruneOptions& options, const Criterion& criterion, base::RandomStream& random) {
  if (!layer.masked()) layer.mask = nn::Mask::Ones(layer.outputs(), layer.inputs());
  const bool rows = options.structure == Structure::structured;
  const Indices candidates = rows ? unpruned_rows(layer) : unpruned_weights(layer);
  const auto scores = rows ? criterion.score_rows(layer, candidates, random) : criterion.score_weights(layer, candidates, random);
  const auto count = step_count(step_rate(options.rate, options.steps), static_cast<std::int64_t>(candidates.size()));
  for (const Eigen::Index i : lowest(candidates, scores, static_cast<std::size_t>(count))) {
    if (rows) {
      layer.mask.row(i).setZero();
      layer.weight.row(i).setZero();
    } else {
      layer.mask.data()[i] = 0;
      layer.weight.data()[i] = 0;
    }
  }
}

}  // namespace

base::Words<Structure> words(Structure) {
  static constexpr std::array<std::pair<Structure, std::string_view>, 2> all{
      {{Structure::unstructured, "unstructured"}, {Structure::structured, "structured"}}};
  return all;
}

double step_rate(double rate, int steps) { return 1 - std::pow(1 - rate, 1.0 / steps); }

std::int64_t step_count(double p, std::int64_t remaining) {
  // std::nearbyint rounds halves to even in the default rounding mode, as Python's round() does.
  return static_cast<std::int64_t>(std::nearbyint(p * static_cast<double>(remaining)));
}

void prune_step(nn::Network& network, const PruneOptions& options, int step) {
  check_options(options);
  if (step < 0 || step >= options.steps)
    base::fail(ErrorKind::configuration, "pruning: expected a step from 0 to {}, found {}", options.steps - 1, step);
  const auto criterion = make_criterion(options.criterion);
  const std::size_t layers = options.prune_output ? network.layers.size() : network.hidden_layers();
  for (std::size_t k = 0; k < layers; ++k) {
    base::RandomStream random(options.seed, fmt::format("prune step {} layer {}", step, k));
    prune_layer(network.layers[k], options, *criterion, random);
  }
}

nn::Network prune(nn::Network network, const PruneOptions& options) {
  check_options(options);
  for (int step = 0; step < options.steps; ++step) prune_step(network, options, step);
  return network;
}

}  // namespace espalier::prune
