#include "espalier/reduce/compact.hpp"

#include <algorithm>
#include <vector>

namespace espalier::reduce {
namespace {

using Indices = std::vector<Eigen::Index>;

Indices rows_with_weights(const nn::Layer& layer) {
  Indices rows;
  for (Eigen::Index i = 0; i < layer.outputs(); ++i)
    if ((layer.weight.row(i).array() != 0).any()) rows.push_back(i);
  if (rows.empty()) rows.push_back(0);
  return rows;
}

void fold_constants(const nn::Layer& layer, const Indices& kept, nn::Layer& next) {
  Eigen::VectorXd constant = layer.bias.cast<double>().cwiseMax(0.0);
  for (const Eigen::Index i : kept) constant[i] = 0;
  next.bias = (next.bias.cast<double>() + next.weight.cast<double>() * constant).cast<float>();
}

void keep_rows(nn::Layer& layer, const Indices& rows) {
  layer.weight = nn::WeightMatrix(layer.weight(rows, Eigen::all));
  layer.bias = Eigen::VectorXf(layer.bias(rows));
  if (layer.masked()) layer.mask = nn::Mask(layer.mask(rows, Eigen::all));
}

void keep_columns(nn::Layer& layer, const Indices& columns) {
  layer.weight = nn::WeightMatrix(layer.weight(Eigen::all, columns));
  if (layer.masked()) layer.mask = nn::Mask(layer.mask(Eigen::all, columns));
}

}  // namespace

nn::Network compact(nn::Network network) {
  for (std::size_t k = 0; k + 1 < network.layers.size(); ++k) {
    nn::Layer &layer = network.layers[k], &next = network.layers[k + 1];
    const Indices kept = rows_with_weights(layer);
    if (static_cast<Eigen::Index>(kept.size()) == layer.outputs()) continue;
    fold_constants(layer, kept, next);
    keep_rows(layer, kept);
    keep_columns(next, kept);
  }
  return network;
}

}  // namespace espalier::reduce
