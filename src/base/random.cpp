#include "espalier/base/random.hpp"

#include "espalier/base/hash.hpp"

namespace espalier::base {

namespace {
__extension__ using Wide = unsigned __int128;
}

RandomStream::RandomStream(std::uint64_t seed, std::string_view purpose) : engine_(Hasher().add(seed).add(purpose).finish().low) {}

std::uint64_t RandomStream::below(std::uint64_t bound) {
  // Lemire 2019: multiply and reject the short part of the range.
  auto product = static_cast<Wide>(engine_()) * bound;
  auto low = static_cast<std::uint64_t>(product);
  if (low < bound) {
    const std::uint64_t threshold = (0 - bound) % bound;
    while (low < threshold) {
      product = static_cast<Wide>(engine_()) * bound;
      low = static_cast<std::uint64_t>(product);
    }
  }
  return static_cast<std::uint64_t>(product >> 64);
}

}  // namespace espalier::base
