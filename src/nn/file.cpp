#include "espalier/nn/file.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "espalier/base/error.hpp"
#include "espalier/base/text.hpp"
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

std::vector<float> to_float32(const h5::Group& group, const char* name, const std::vector<double>& values, Rounding* rounding) {
  std::vector<float> result;
  result.reserve(values.size());
  for (const double value : values) {
    result.push_back(static_cast<float>(value));
    if (std::isnan(value) || static_cast<double>(result.back()) == value) continue;
    if (std::isinf(result.back()))
      base::fail(ErrorKind::data, "{}: {}/{}: expected numbers in the range of float32, found {}", group.file_name(), group.path(), name,
                 value);
    if (rounding == nullptr)
      base::fail(ErrorKind::data, "{}: {}/{}: expected numbers that float32 holds exactly, found {} (--round-weights rounds them)",
                 group.file_name(), group.path(), name, value);
    rounding->largest_change = std::max(rounding->largest_change, std::abs(static_cast<double>(result.back()) - value));
  }
  return result;
}

Layer read_layer(const h5::Group& group, Rounding* rounding) {
  group.expect_only({"weight", "bias", "mask"});
  const auto weight = group.read_array_of_rank<double>("weight", 2);
  const std::vector<float> weights = to_float32(group, "weight", weight.values, rounding);
  const auto rows = static_cast<Eigen::Index>(weight.dims[0]);
  const auto columns = static_cast<Eigen::Index>(weight.dims[1]);
  Layer layer;
  layer.weight = Eigen::Map<const WeightMatrix>(weights.data(), rows, columns);
  layer.bias = Eigen::VectorXf::Zero(rows);
  if (group.exists("bias")) {
    const auto bias = to_float32(group, "bias", group.read_array_of_dims<double>("bias", {weight.dims[0]}), rounding);
    layer.bias = Eigen::Map<const Eigen::VectorXf>(bias.data(), rows);
  }
  if (group.exists("mask")) {
    const auto mask = group.read_array_of_dims<std::uint8_t>("mask", weight.dims);
    layer.mask = Eigen::Map<const Mask>(mask.data(), rows, columns);
  }
  return layer;
}

/// How many layers there are; everything else in the group is refused.
std::size_t count_layers(const h5::Group& group) {
  const std::vector<std::string> children = group.children();
  std::size_t count = 0;
  while (std::binary_search(children.begin(), children.end(), layer_name(count))) ++count;
  for (std::size_t k = 0; k <= count; ++k)
    if (group.has_attribute(layer_name(k)))
      base::fail(ErrorKind::data, "{}: {}: expected '{}' as a group, found an attribute", group.file_name(), group.path(), layer_name(k));
  if (count == children.size() && count > 0) return count;
  std::string found = children.empty() ? "nothing" : "";
  for (const std::string& child : children) {
    const std::size_t k = child.starts_with("layer_") ? std::strtoul(child.c_str() + 6, nullptr, 10) : count;
    if (k < count && child == layer_name(k)) continue;
    found = fmt::format("'{}'{}", child, base::did_you_mean(child, std::vector{layer_name(count)}));
    break;
  }
  base::fail(ErrorKind::data, "{}: {}: expected a network (layer_0, layer_1, ... without a gap and nothing else), found no {} but {}",
             group.file_name(), group.path(), layer_name(count), found);
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

Network read_network(const h5::Group& group, Rounding* rounding) {
  Network network;
  for (std::size_t k = 0, count = count_layers(group); k < count; ++k)
    network.layers.push_back(read_layer(group.open_group(layer_name(k)), rounding));
  try {
    network.check();
  } catch (const base::Error& error) {
    base::fail(error.kind(), "{}: {}: {}", group.file_name(), group.path(), error.what());
  }
  return network;
}

}  // namespace espalier::nn
