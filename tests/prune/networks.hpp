// Networks to be pruned.
#pragma once
#include <cstdint>
#include <vector>

#include "espalier/train/initial.hpp"

namespace espalier::testing {

inline nn::Network xavier_network(const std::vector<Eigen::Index>& widths, std::uint64_t seed = 1) {
  return train::initial_network(widths, train::Initialisation::xavier_uniform, seed);
}

}  // namespace espalier::testing
