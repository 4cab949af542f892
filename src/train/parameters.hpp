// All weights and biases of a network in one array, so that update rules are one loop and a norm is one sum.
#pragma once
#include <vector>

#include "espalier/nn/network.hpp"
#include "espalier/train/regulariser.hpp"
#include "simd.hpp"

namespace espalier::train {

/// Where layer k's weight (column-major, one column per input) and bias stand. Columns are padded to the vector width; padding is 0.
struct LayerPlace {
  Eigen::Index inputs = 0;
  Eigen::Index outputs = 0;
  Eigen::Index stride = 0;  ///< leading dimension of the weight: outputs padded
  Eigen::Index weight = 0;  ///< offset
  Eigen::Index bias = 0;    ///< offset
};

template <class T>
class Layout {
 public:
  explicit Layout(const nn::Network& network) {
    for (const nn::Layer& layer : network.layers) {
      LayerPlace place{.inputs = layer.inputs(), .outputs = layer.outputs(), .stride = padded<T>(layer.outputs()), .weight = size_};
      place.bias = place.weight + place.stride * place.inputs;
      size_ = place.bias + place.stride;
      places_.push_back(place);
    }
  }

  const std::vector<LayerPlace>& places() const { return places_; }
  Eigen::Index size() const { return size_; }

  Buffer<T> gather(const nn::Network& network) const {
    Buffer<T> values(static_cast<std::size_t>(size_));
    std::vector<LayerView<T>> target = views(values);
    for (std::size_t k = 0; k < places_.size(); ++k) {
      target[k].weight = network.layers[k].weight.template cast<T>();
      target[k].bias = network.layers[k].bias.template cast<T>();
    }
    return values;
  }

  /// 1 where a parameter may change, 0 where its mask forbids it; empty if no layer is masked.
  Buffer<T> gather_masks(const nn::Network& network) const {
    Buffer<T> values;
    for (std::size_t k = 0; k < places_.size(); ++k) {
      if (!network.layers[k].masked()) continue;
      if (values.empty()) values.assign(static_cast<std::size_t>(size_), T(1));
      views(values)[k].weight = network.layers[k].mask.template cast<T>();
    }
    return values;
  }

  void scatter(Buffer<T>& values, nn::Network& network) const {
    const std::vector<LayerView<T>> source = views(values);
    for (std::size_t k = 0; k < places_.size(); ++k) {
      network.layers[k].weight = source[k].weight.template cast<float>();
      network.layers[k].bias = source[k].bias.template cast<float>();
    }
  }

  std::vector<LayerView<T>> views(Buffer<T>& values) const {
    std::vector<LayerView<T>> result;
    for (const LayerPlace& p : places_)
      result.push_back({typename LayerView<T>::Matrix(values.data() + p.weight, p.outputs, p.inputs, Eigen::OuterStride<>(p.stride)),
                        typename LayerView<T>::Vector(values.data() + p.bias, p.outputs)});
    return result;
  }

 private:
  std::vector<LayerPlace> places_;
  Eigen::Index size_ = 0;
};

}  // namespace espalier::train
