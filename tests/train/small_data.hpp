// Data and networks small enough to reason about, and the way to the real data.
#pragma once
#include <cstdint>
#include <vector>

#include "espalier/base/random.hpp"
#include "espalier/data/dataset.hpp"
#include "espalier/nn/network.hpp"

namespace espalier::train {

/// Real data: ESPALIER_DATA, else the checkout's data folder.
inline data::SearchPath real_data() { return {.directory = {}, .defaults = {ESPALIER_SOURCE_DIR "/data"}}; }

/// Random pixels; the label depends on the pixels, so that there is something to learn.
inline data::Samples random_samples(std::size_t count, int side, int classes, std::uint64_t seed) {
  base::RandomStream random(seed, "small data");
  data::Samples samples{.side = side, .pixels = {}, .labels = {}};
  for (std::size_t s = 0; s < count; ++s) {
    std::size_t sum = 0;
    for (std::size_t i = 0; i < samples.inputs(); ++i) {
      samples.pixels.push_back(static_cast<std::uint8_t>(random.below(256)));
      sum += i < 2 ? samples.pixels.back() : 0u;
    }
    samples.labels.push_back(static_cast<std::uint8_t>(sum * static_cast<std::size_t>(classes) / 511));
  }
  return samples;
}

inline data::Dataset random_dataset(std::size_t count, int side, int classes, std::uint64_t seed) {
  return {.name = "random",
          .side = side,
          .classes = classes,
          .train = random_samples(count, side, classes, seed),
          .test = random_samples(count / 2 + 1, side, classes, seed + 1)};
}

inline bool same_bits(const nn::Network& a, const nn::Network& b) {
  if (a.layers.size() != b.layers.size()) return false;
  for (std::size_t k = 0; k < a.layers.size(); ++k)
    if (a.layers[k].weight != b.layers[k].weight || a.layers[k].bias != b.layers[k].bias) return false;
  return true;
}

}  // namespace espalier::train
