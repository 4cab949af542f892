#include "espalier/nn/network.hpp"

#include <fmt/format.h>

#include <cmath>

#include "espalier/base/error.hpp"

namespace espalier::nn {
namespace {

using base::ErrorKind;

void check_layer(const Layer& layer, std::size_t k) {
  if (layer.inputs() == 0 || layer.outputs() == 0)
    base::fail(ErrorKind::data, "layer {}: expected at least one input and one output, found a {} x {} weight", k, layer.outputs(),
               layer.inputs());
  if (layer.bias.size() != layer.outputs())
    base::fail(ErrorKind::data, "layer {}: expected a bias of length {} (rows of the weight), found {}", k, layer.outputs(),
               layer.bias.size());
  if (layer.masked() && (layer.mask.rows() != layer.outputs() || layer.mask.cols() != layer.inputs()))
    base::fail(ErrorKind::data, "layer {}: expected a mask of the weight's shape {} x {}, found {} x {}", k, layer.outputs(),
               layer.inputs(), layer.mask.rows(), layer.mask.cols());
  for (Eigen::Index i = 0; i < layer.outputs(); ++i) {
    if (!std::isfinite(layer.bias[i]))
      base::fail(ErrorKind::data, "layer {}: expected finite numbers, found bias[{}] = {}", k, i, layer.bias[i]);
    for (Eigen::Index j = 0; j < layer.inputs(); ++j) {
      const float w = layer.weight(i, j);
      if (!std::isfinite(w)) base::fail(ErrorKind::data, "layer {}: expected finite numbers, found weight[{}, {}] = {}", k, i, j, w);
      if (!layer.masked()) continue;
      if (layer.mask(i, j) > 1)
        base::fail(ErrorKind::data, "layer {}: expected a mask of 0 and 1, found mask[{}, {}] = {}", k, i, j, layer.mask(i, j));
      if (layer.mask(i, j) == 0 && w != 0)
        base::fail(ErrorKind::data, "layer {}: expected weight[{}, {}] = 0 because its mask is 0, found {}", k, i, j, w);
    }
  }
}

template <class Scalar>
using Vector = Eigen::Matrix<Scalar, Eigen::Dynamic, 1>;

template <class Scalar>
Vector<Scalar> forward_as(const Network& network, const Eigen::Ref<const Vector<Scalar>>& x) {
  Vector<Scalar> h = x;
  for (std::size_t k = 0; k < network.layers.size(); ++k) {
    const Layer& layer = network.layers[k];
    Vector<Scalar> g = layer.weight.template cast<Scalar>() * h + layer.bias.template cast<Scalar>();
    if (k + 1 < network.layers.size()) g = g.cwiseMax(Scalar(0));
    h.swap(g);
  }
  return h;
}

void require_inputs(const Network& network, Eigen::Index found) {
  if (network.layers.empty() || network.inputs() != found)
    base::fail(ErrorKind::internal, "forward pass: expected an input of length {}, found {}", network.layers.empty() ? 0 : network.inputs(),
               found);
}

}  // namespace

std::int64_t Network::parameter_count() const {
  std::int64_t count = 0;
  for (const Layer& layer : layers) count += layer.weight.size() + layer.bias.size();
  return count;
}

std::int64_t Network::nonzero_weights() const {
  std::int64_t count = 0;
  for (const Layer& layer : layers) count += (layer.weight.array() != 0).count();
  return count;
}

void Network::check() const {
  if (layers.empty()) base::fail(ErrorKind::data, "network: expected at least one layer, found none");
  for (std::size_t k = 0; k < layers.size(); ++k) {
    check_layer(layers[k], k);
    if (k > 0 && layers[k].inputs() != layers[k - 1].outputs())
      base::fail(ErrorKind::data, "layer {}: expected {} inputs (the outputs of layer {}), found {}", k, layers[k - 1].outputs(), k - 1,
                 layers[k].inputs());
  }
}

Eigen::VectorXd forward(const Network& network, const Eigen::Ref<const Eigen::VectorXd>& x) {
  require_inputs(network, x.size());
  return forward_as<double>(network, x);
}

Eigen::VectorXf forward(const Network& network, const Eigen::Ref<const Eigen::VectorXf>& x) {
  require_inputs(network, x.size());
  return forward_as<float>(network, x);
}

Eigen::MatrixXf forward_batch(const Network& network, const Eigen::Ref<const Eigen::MatrixXf>& x) {
  require_inputs(network, x.rows());
  Eigen::MatrixXf h = x;
  for (std::size_t k = 0; k < network.layers.size(); ++k) {
    const Layer& layer = network.layers[k];
    Eigen::MatrixXf g(layer.outputs(), h.cols());
    g.noalias() = layer.weight * h;
    g.colwise() += layer.bias;
    if (k + 1 < network.layers.size()) g = g.cwiseMax(0.0f);
    h.swap(g);
  }
  return h;
}

std::vector<Eigen::VectorXd> pre_activations(const Network& network, const Eigen::Ref<const Eigen::VectorXd>& x) {
  require_inputs(network, x.size());
  std::vector<Eigen::VectorXd> result;
  result.reserve(network.layers.size());
  Eigen::VectorXd h = x;
  for (const Layer& layer : network.layers) {
    result.push_back(layer.weight.cast<double>() * h + layer.bias.cast<double>());
    h = result.back().cwiseMax(0.0);
  }
  return result;
}

std::string architecture(const Network& network) {
  if (network.layers.empty()) return "";
  std::string text = std::to_string(network.inputs());
  for (const Layer& layer : network.layers) text.append("-").append(std::to_string(layer.outputs()));
  return text;
}

}  // namespace espalier::nn
