// A file descriptor with an owner.
#pragma once
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

namespace espalier::sandbox {

/// Closes all but standard input, output and error and these; -1: none. Nothing is opened for it: there may be no free descriptor.
inline void close_others(std::array<int, 3> kept) {
  std::sort(kept.begin(), kept.end());
  int first = 3;
  for (const int descriptor : kept) {
    if (descriptor < first) continue;
    if (descriptor > first) ::close_range(static_cast<unsigned>(first), static_cast<unsigned>(descriptor) - 1, 0);
    first = descriptor + 1;
  }
  ::close_range(static_cast<unsigned>(first), ~0U, 0);
}

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() { reset(); }
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    reset(std::exchange(other.value_, -1));
    return *this;
  }
  int get() const { return value_; }
  explicit operator bool() const { return value_ >= 0; }
  void reset(int value = -1) {
    if (value_ >= 0) ::close(value_);
    value_ = value;
  }

 private:
  int value_ = -1;
};

}  // namespace espalier::sandbox
