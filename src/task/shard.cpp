#include "espalier/task/shard.hpp"

#include <charconv>

#include "espalier/base/error.hpp"

namespace espalier::task {

namespace {

constexpr int most_shards = 100'000;

/// -1 unless all of `text` is a number.
int number(std::string_view text) {
  int value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : -1;
}

}  // namespace

std::string to_text(const Shard& shard) { return std::to_string(shard.index) + "/" + std::to_string(shard.count); }

Shard shard_from_text(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash != std::string_view::npos) {
    const Shard shard{number(text.substr(0, slash)), number(text.substr(slash + 1))};
    if (shard.index >= 1 && shard.index <= shard.count && shard.count <= most_shards) return shard;
  }
  base::fail(base::ErrorKind::configuration, "expected a shard I/N with 1 <= I <= N <= {}, found '{}'", most_shards, text);
}

}  // namespace espalier::task
