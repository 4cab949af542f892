#include "espalier/nn/file.hpp"

#include "espalier/base/error.hpp"
#include "espalier/h5/file.hpp"

namespace espalier::nn {
namespace {

using base::ErrorKind;

std::string layer_name(std::size_t k) { return "layer_" + std::to_string(k); }

/// Compressed, with a checksum: pruned weights are mostly zeros.
h5::ArrayOptions compressed(bool shuffle) { return {.chunk = {}, .gzip_level = 4, .shuffle = shuffle, .fletcher32 = true}; }

template <class Matrix>
std::span<const typename Matrix::Scalar> values_of(const Matrix& m) {
  return {m.data(), static_cast<std::size_t>(m.size())};
}

Layer read_layer(const h5::Group& group) {
  const auto weight = group.read_array_of_rank<float>("weight", 2);
  const auto rows = static_cast<Eigen::Index>(weight.dims[0]);
  const auto columns = static_cast<Eigen::Index>(weight.dims[1]);
  const auto bias = group.read_array_of_dims<float>("bias", {weight.dims[0]});
  Layer layer;
  layer.weight = Eigen::Map<const WeightMatrix>(weight.values.data(), rows, columns);
  layer.bias = Eigen::Map<const Eigen::VectorXf>(bias.data(), rows);
  if (group.exists("mask")) {
    const auto mask = group.read_array_of_dims<std::uint8_t>("mask", weight.dims);
    layer.mask = Eigen::Map<const Mask>(mask.data(), rows, columns);
  }
  return layer;
}

}  // namespace

void write_network(const h5::Group& group, const Network& network) {
  for (std::size_t k = 0; k < network.layers.size(); ++k) {
    const Layer& layer = network.layers[k];
    const h5::Group target = group.create_group(layer_name(k));
    const h5::Dims dims = {static_cast<std::uint64_t>(layer.outputs()), static_cast<std::uint64_t>(layer.inputs())};
    target.write_array("weight", values_of(layer.weight), dims, compressed(true));
    target.write_array("bias", values_of(layer.bias), {dims[0]});
    if (layer.masked()) target.write_array("mask", values_of(layer.mask), dims, compressed(false));
  }
}

Network read_network(const h5::Group& group) {
  Network network;
  for (std::size_t k = 0; group.exists(layer_name(k)); ++k) network.layers.push_back(read_layer(group.open_group(layer_name(k))));
  if (network.layers.empty())
    base::fail(ErrorKind::data, "{}: {}: expected a network (groups layer_0, layer_1, ...), found no layer_0", group.file_name(),
               group.path());
  try {
    network.check();
  } catch (const base::Error& error) {
    base::fail(error.kind(), "{}: {}: {}", group.file_name(), group.path(), error.what());
  }
  return network;
}

}  // namespace espalier::nn
