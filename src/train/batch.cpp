#include "batch.hpp"

namespace espalier::train {
namespace {

/// p / 255 without a division: the quotient by the rounded reciprocal, corrected by its remainder. Exact to the last bit for 0..255.
template <class T>
T over_255(T p) {
  constexpr float reciprocal = 1.0f / 255.0f;
  const T quotient = p * reciprocal;
  return quotient + (p - quotient * 255.0f) * reciprocal;
}

}  // namespace

void to_float(const std::uint8_t* from, Eigen::Index size, float* to) {
  constexpr Eigen::Index lanes = Simd<float>::lanes;
  typedef std::uint8_t Bytes __attribute__((vector_size(lanes)));
  typedef std::int32_t Integers __attribute__((vector_size(vector_bytes)));
  Eigen::Index i = 0;
  for (; i + lanes <= size; i += lanes) {
    Bytes bytes;
    std::memcpy(&bytes, from + i, sizeof bytes);
    store(to + i, over_255(__builtin_convertvector(__builtin_convertvector(bytes, Integers), Vec<float>)));
  }
  for (; i < size; ++i) to[i] = over_255(static_cast<float>(from[i]));
}

Batch::Batch(const data::Samples& samples, Eigen::Index largest)
    : samples_(samples), inputs_(samples.inputs() * static_cast<std::size_t>(largest)), labels_(static_cast<std::size_t>(largest)) {}

void Batch::load(std::span<const std::uint32_t> order, std::size_t first, std::size_t count) {
  const std::size_t inputs = samples_.inputs();
  if (order.empty()) {
    to_float(samples_.pixels.data() + first * inputs, static_cast<Eigen::Index>(count * inputs), inputs_.data());
    std::copy_n(samples_.labels.data() + first, count, labels_.data());
    return;
  }
  for (std::size_t s = 0; s < count; ++s) {
    const std::size_t sample = order[first + s];
    to_float(samples_.pixels.data() + sample * inputs, static_cast<Eigen::Index>(inputs), inputs_.data() + s * inputs);
    labels_[s] = samples_.labels[sample];
  }
}

}  // namespace espalier::train
