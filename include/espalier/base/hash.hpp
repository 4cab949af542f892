// Content hashes (XXH3, 128 and 64 bits). Stable across machines and versions: they name stages, seeds and files.
#pragma once
#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace espalier::base {

struct Digest {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend auto operator<=>(const Digest&, const Digest&) = default;
  std::string hex() const;                        ///< 32 lower-case digits
  static Digest from_hex(std::string_view text);  ///< throws Error(data) unless 32 hexadecimal digits
};

Digest digest(std::string_view bytes);                ///< XXH3-128
std::uint64_t checksum(std::span<const char> bytes);  ///< XXH3-64

/// checksum() of what is added piece by piece.
class Checksum {
 public:
  Checksum();
  ~Checksum();
  Checksum(const Checksum&) = delete;
  Checksum& operator=(const Checksum&) = delete;
  void add(std::span<const char> bytes);
  std::uint64_t finish() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Incremental XXH3-128; strings are hashed with their length, so that ("ab","c") differs from ("a","bc").
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  Hasher& add(std::string_view text);
  Hasher& add(std::uint64_t number);
  Hasher& add_bytes(const void* data, std::size_t size);  ///< raw, without a length
  Digest finish() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace espalier::base

template <>
struct std::hash<espalier::base::Digest> {
  std::size_t operator()(const espalier::base::Digest& d) const noexcept { return static_cast<std::size_t>(d.low); }
};
