#include "espalier/base/hash.hpp"

#include <xxhash.h>

#include <charconv>

#include "espalier/base/error.hpp"

namespace espalier::base {

namespace {
Digest from_xxh(XXH128_hash_t h) { return {h.high64, h.low64}; }
}  // namespace

std::string Digest::hex() const { return fmt::format("{:016x}{:016x}", high, low); }

Digest Digest::from_hex(std::string_view text) {
  Digest d;
  auto half = [&](std::string_view digits, std::uint64_t& out) {
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out, 16);
    return error == std::errc{} && end == digits.data() + digits.size();
  };
  if (text.size() != 32 || !half(text.substr(0, 16), d.high) || !half(text.substr(16), d.low))
    fail(ErrorKind::data, "expected a key of 32 hexadecimal digits, found '{}'", text);
  return d;
}

Digest digest(std::string_view bytes) { return from_xxh(XXH3_128bits(bytes.data(), bytes.size())); }

std::uint64_t checksum(std::span<const char> bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

struct Checksum::State {
  XXH3_state_t* xxh = XXH3_createState();
  State() { XXH3_64bits_reset(xxh); }
  ~State() { XXH3_freeState(xxh); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

Checksum::Checksum() : state_(std::make_unique<State>()) {}
Checksum::~Checksum() = default;
void Checksum::add(std::span<const char> bytes) { XXH3_64bits_update(state_->xxh, bytes.data(), bytes.size()); }
std::uint64_t Checksum::finish() const { return XXH3_64bits_digest(state_->xxh); }

struct Hasher::State {
  XXH3_state_t* xxh = XXH3_createState();
  State() { XXH3_128bits_reset(xxh); }
  ~State() { XXH3_freeState(xxh); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

Hasher::Hasher() : state_(std::make_unique<State>()) {}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

Hasher& Hasher::add_bytes(const void* data, std::size_t size) {
  XXH3_128bits_update(state_->xxh, data, size);
  return *this;
}

Hasher& Hasher::add(std::uint64_t number) {
  unsigned char bytes[8];
  for (int i = 0; i < 8; ++i) bytes[i] = static_cast<unsigned char>(number >> (8 * i));
  return add_bytes(bytes, sizeof bytes);
}

Hasher& Hasher::add(std::string_view text) { return add(static_cast<std::uint64_t>(text.size())).add_bytes(text.data(), text.size()); }

Digest Hasher::finish() const { return from_xxh(XXH3_128bits_digest(state_->xxh)); }

}  // namespace espalier::base
