// Vectors of the width that the target machine has, by the compiler's vector extension: +, *, comparisons and selection work on them.
#pragma once
#include <Eigen/Core>
#include <cmath>
#include <cstring>
#include <type_traits>
#include <vector>

namespace espalier::train {

#if defined(__AVX512F__)
inline constexpr int vector_bytes = 64;
#elif defined(__AVX__)
inline constexpr int vector_bytes = 32;
#else
inline constexpr int vector_bytes = 16;
#endif

template <class T>
struct Simd {
  typedef T Vector __attribute__((vector_size(vector_bytes)));
  static constexpr Eigen::Index lanes = vector_bytes / static_cast<int>(sizeof(T));
};

template <class T>
using Vec = typename Simd<T>::Vector;

template <class T>
inline Vec<T> load(const T* from) {
  Vec<T> v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

template <class T>
inline void store(T* to, Vec<T> v) {
  std::memcpy(to, &v, sizeof v);
}

/// Element by element, by Eigen's instruction for the vector.
template <class T>
inline T square_root(T v) {
  if constexpr (std::is_arithmetic_v<T>) {
    return std::sqrt(v);
  } else {
    using Scalar = std::remove_cvref_t<decltype(v[0])>;
    Eigen::Array<Scalar, Simd<Scalar>::lanes, 1> values;
    std::memcpy(values.data(), &v, sizeof v);
    values = values.sqrt().eval();
    std::memcpy(&v, values.data(), sizeof v);
    return v;
  }
}

/// Smallest multiple of the vector width that holds n values.
template <class T>
constexpr Eigen::Index padded(Eigen::Index n) {
  return (n + Simd<T>::lanes - 1) / Simd<T>::lanes * Simd<T>::lanes;
}

/// Zeros, aligned for vectors; padding stays zero.
template <class T>
using Buffer = std::vector<T, Eigen::aligned_allocator<T>>;

}  // namespace espalier::train
