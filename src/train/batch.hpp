// Mini-batches as the passes read them: float32 pixels, one sample per column.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "espalier/data/dataset.hpp"
#include "simd.hpp"

namespace espalier::train {

/// to[i] = from[i] / 255, correctly rounded (as PyTorch's ToTensor), for i < size.
void to_float(const std::uint8_t* from, Eigen::Index size, float* to);

class Batch {
 public:
  Batch(const data::Samples& samples, Eigen::Index largest);
  /// Samples first..first + count - 1 of `order`; an empty order is the order of the file.
  void load(std::span<const std::uint32_t> order, std::size_t first, std::size_t count);

  const float* inputs() const { return inputs_.data(); }  ///< (inputs x count)
  const std::uint8_t* labels() const { return labels_.data(); }

 private:
  const data::Samples& samples_;
  Buffer<float> inputs_;
  std::vector<std::uint8_t> labels_;
};

}  // namespace espalier::train
