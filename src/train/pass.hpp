// Forward and backward pass of a mini-batch. All buffers are made once; nothing is allocated afterwards.
#pragma once
#include <cmath>
#include <limits>
#include <span>

#include "parameters.hpp"
#include "product.hpp"

namespace espalier::train {

/// Activations (padded outputs x batch), one sample per column, column-major. T is float in training and double in gradient checks.
template <class T>
class Pass {
 public:
  Pass(const Layout<T>& layout, Eigen::Index largest_batch) : layout_(layout) {
    Eigen::Index widest = 0;
    Eigen::Index largest_weight = 0;
    for (std::size_t k = 0; k < places().size(); ++k) {
      const LayerPlace& place = places()[k];
      outputs_.emplace_back(static_cast<std::size_t>(place.stride * largest_batch));
      widest = std::max(widest, place.stride);
      if (k > 0) largest_weight = std::max(largest_weight, padded<T>(place.inputs) * place.outputs);
    }
    delta_.resize(static_cast<std::size_t>(widest * largest_batch));
    next_delta_.resize(delta_.size());
    transposed_.resize(static_cast<std::size_t>(largest_weight));
  }

  /// Room for the batch's inputs belongs to the caller: x is (inputs x batch), column-major, dense.
  /// Logits: (stride x batch), stride = padded outputs of the last layer; rows behind the outputs are meaningless.
  const T* forward(const T* parameters, const T* x, Eigen::Index batch) {
    const T* input = x;
    Eigen::Index stride = places().front().inputs;
    for (std::size_t k = 0; k < places().size(); ++k) {
      const LayerPlace& place = places()[k];
      const T* bias = parameters + place.bias;
      T* output = outputs_[k].data();
      const Factor<T> b{input, 1, stride};
      const auto add_bias = [=, ld = place.stride](Eigen::Index i, Eigen::Index s, Vec<T> v) {
        store(output + s * ld + i, v + load(bias + i));
      };
      const auto add_bias_and_rectify = [=, ld = place.stride](Eigen::Index i, Eigen::Index s, Vec<T> v) {
        const Vec<T> g = v + load(bias + i);
        store(output + s * ld + i, g < T(0) ? Vec<T>{} : g);  // NaN stays NaN
      };
      const T* weight = parameters + place.weight;
      if (k + 1 == places().size())
        product(weight, place.stride, place.stride, b, place.inputs, batch, add_bias);
      else
        product(weight, place.stride, place.stride, b, place.inputs, batch, add_bias_and_rectify);
      input = output;
      stride = place.stride;
    }
    return input;
  }

  /// Sum over the batch of the cross-entropies after forward(), and in the first delta their gradient's mean with respect to the logits.
  double cross_entropy(const std::uint8_t* labels, Eigen::Index batch) {
    const LayerPlace& last = places().back();
    double loss = 0;
    for (Eigen::Index s = 0; s < batch; ++s) {
      const T* z = outputs_.back().data() + s * last.stride;
      T* d = delta_.data() + s * last.stride;
      T largest = z[0];
      for (Eigen::Index i = 1; i < last.outputs; ++i) largest = std::max(largest, z[i]);
      using Column = Eigen::Array<T, Eigen::Dynamic, 1>;
      Eigen::Map<Column, Eigen::AlignedMax>(d, last.stride) = (Eigen::Map<const Column, Eigen::AlignedMax>(z, last.stride) - largest).exp();
      T sum = 0;
      for (Eigen::Index i = 0; i < last.outputs; ++i) sum += d[i];
      loss += std::log(static_cast<double>(sum)) - static_cast<double>(z[labels[s]] - largest);
      const T scale = T(1) / (sum * static_cast<T>(batch));
      for (Eigen::Index i = 0; i < last.outputs; ++i) d[i] *= scale;
      for (Eigen::Index i = last.outputs; i < last.stride; ++i) d[i] = 0;
      d[labels[s]] -= T(1) / static_cast<T>(batch);
    }
    return loss;
  }

  /// Gradient of the mean cross-entropy, after forward() and cross_entropy() of the same batch. The inputs' gradient is not needed.
  void backward(const T* parameters, const T* x, Eigen::Index batch, T* gradient) {
    for (std::size_t k = places().size(); k-- > 0;) {
      const LayerPlace& place = places()[k];
      const Eigen::Index input_stride = k == 0 ? place.inputs : places()[k - 1].stride;
      const T* input = k == 0 ? x : outputs_[k - 1].data();
      T* weight_gradient = gradient + place.weight;
      const auto put = [=, ld = place.stride](Eigen::Index i, Eigen::Index j, Vec<T> v) { store(weight_gradient + j * ld + i, v); };
      product(delta_.data(), place.stride, place.stride, Factor<T>{input, input_stride, 1}, batch, place.inputs, put);
      sum_columns(place, batch, gradient + place.bias);
      if (k > 0) propagate(parameters, place, input, input_stride, batch);
    }
  }

 private:
  const std::vector<LayerPlace>& places() const { return layout_.places(); }

  void sum_columns(const LayerPlace& place, Eigen::Index batch, T* result) const {
    for (Eigen::Index i = 0; i < place.stride; i += Simd<T>::lanes) {
      Vec<T> sum = {};
      for (Eigen::Index s = 0; s < batch; ++s) sum += load(delta_.data() + s * place.stride + i);
      store(result + i, sum);
    }
  }

  /// delta <- (W^T delta) where the layer's input was positive, else 0.
  void propagate(const T* parameters, const LayerPlace& place, const T* input, Eigen::Index input_stride, Eigen::Index batch) {
    const T* weight = parameters + place.weight;
    for (Eigen::Index i = 0; i < place.inputs; ++i)
      for (Eigen::Index o = 0; o < place.outputs; ++o)
        transposed_[static_cast<std::size_t>(o * input_stride + i)] = weight[i * place.stride + o];
    T* target = next_delta_.data();
    const auto where_positive = [=](Eigen::Index i, Eigen::Index s, Vec<T> v) {
      store(target + s * input_stride + i, load(input + s * input_stride + i) > T(0) ? v : Vec<T>{});
    };
    product(transposed_.data(), input_stride, input_stride, Factor<T>{delta_.data(), 1, place.stride}, place.outputs, batch,
            where_positive);
    delta_.swap(next_delta_);
  }

  const Layout<T>& layout_;
  std::vector<Buffer<T>> outputs_;  ///< of every layer: after ReLU, the last one logits
  Buffer<T> delta_;                 ///< gradient with respect to a layer's pre-activations
  Buffer<T> next_delta_;
  Buffer<T> transposed_;
};

}  // namespace espalier::train
