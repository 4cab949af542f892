// Parts of an array that is too long to be held in memory.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "espalier/h5/file.hpp"

namespace espalier::h5 {

/// A one-dimensional array of reals, which stays open.
class ArrayReader {
 public:
  /// Error(data) if it is not there, has other dimensions or another type.
  ArrayReader(const Group& group, const std::string& name);
  ~ArrayReader();
  ArrayReader(ArrayReader&&) noexcept;
  ArrayReader& operator=(ArrayReader&&) noexcept;

  std::uint64_t size() const;
  /// Error(data) unless they lie within the array.
  std::vector<double> read(std::uint64_t offset, std::uint64_t count) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace espalier::h5
