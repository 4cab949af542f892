// A part of a grid that is run on its own: shard 2 of 8, say, by a job of an array.
#pragma once
#include <string>
#include <string_view>

namespace espalier::task {

struct Shard {
  int index = 1;  ///< from 1 to count
  int count = 1;  ///< 1: the whole grid
  bool is_whole() const { return count == 1; }
  friend bool operator==(const Shard&, const Shard&) = default;
};

/// "2/8"
std::string to_text(const Shard& shard);

/// The reverse; throws Error(configuration) unless it is I/N with 1 <= I <= N <= 100000.
Shard shard_from_text(std::string_view text);

}  // namespace espalier::task
