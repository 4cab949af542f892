// What a process of its own keeps open.
#pragma once
#include <unistd.h>

#include <algorithm>
#include <array>

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

}  // namespace espalier::sandbox
