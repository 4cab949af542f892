// Distinct id types that do not convert into each other.
#pragma once
#include <compare>
#include <cstdint>
#include <functional>

namespace espalier::base {

template <class Tag, class T>
struct StrongId {
  using value_type = T;
  T value{};
  friend auto operator<=>(const StrongId&, const StrongId&) = default;
};

using TaskId = StrongId<struct TaskIdTag, std::uint32_t>;        ///< index of a task in its TaskGraph
using AttemptId = StrongId<struct AttemptIdTag, std::uint64_t>;  ///< unique in one run of the program
using Rank = StrongId<struct RankTag, int>;                      ///< MPI rank; rank 0 is the master

}  // namespace espalier::base

template <class Tag, class T>
struct std::hash<espalier::base::StrongId<Tag, T>> {
  std::size_t operator()(const espalier::base::StrongId<Tag, T>& id) const noexcept { return std::hash<T>{}(id.value); }
};
