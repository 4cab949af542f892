// Seeded random streams that give the same numbers on every platform (the standard library's distributions do not).
#pragma once
#include <cstdint>
#include <random>
#include <span>
#include <string_view>
#include <utility>

namespace espalier::base {

/// A stream named by a seed and a purpose: streams of different purposes are independent, so that drawing more numbers for
/// one purpose never changes another.
class RandomStream {
 public:
  RandomStream(std::uint64_t seed, std::string_view purpose);

  std::uint64_t next() { return engine_(); }
  /// Uniform in [0, 1), 53 bits.
  double uniform() { return static_cast<double>(engine_() >> 11) * 0x1.0p-53; }
  /// Uniform in [low, high).
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// Uniform in {0, ..., bound - 1}, without modulo bias; bound > 0.
  std::uint64_t below(std::uint64_t bound);
  /// Fisher-Yates.
  template <class T>
  void shuffle(std::span<T> values) {
    for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[below(i)]);
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace espalier::base
