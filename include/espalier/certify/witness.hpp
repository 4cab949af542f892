// Checks what is claimed to be an unsafe input of a property, by forward passes alone.
// Symbols: src/NOTATION.md.
#pragma once
#include <Eigen/Core>
#include <optional>

#include "espalier/nn/network.hpp"
#include "espalier/problem/property.hpp"

namespace espalier::certify {

struct Witness {
  Eigen::VectorXd input;      ///< in one of the property's boxes, exactly; of float32 numbers where the box has some
  Eigen::VectorXf outputs;    ///< of the network at `input` rounded to float32, in float32
  double margin = 0;          ///< problem::margin in float64, at least 0
  double margin_float32 = 0;  ///< that of `outputs`; the competition allows -1e-4
};

/// The witness that the input makes, moved to the nearest float32 numbers within the box around it where that stays unsafe; nothing if it
/// is in no box or safe, in float64, or below -1e-4 in float32.
[[nodiscard]] std::optional<Witness> check_witness(const nn::Network& network, const problem::Property& property,
                                                   const Eigen::Ref<const Eigen::VectorXd>& input);

}  // namespace espalier::certify
