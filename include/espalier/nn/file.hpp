// Networks in HDF5: <group>/layer_<k>/weight float32 (out, in), bias float32 (out,), mask uint8 (out, in) if masked. A layer without
// `bias` has bias 0. Numbers of other types are read where float32 holds them exactly. Attributes are ignored.
#pragma once
#include <filesystem>
#include <string>

#include "espalier/nn/network.hpp"

namespace espalier::h5 {
class Group;
}

namespace espalier::nn {

/// How far weights and biases were moved to make them float32.
struct Rounding {
  double largest_change = 0;
};

void write_network(const h5::Group& group, const Network& network);
/// Checks names, shapes, types and finiteness; errors name the file and the object. The group holds layer_0, layer_1, ... in a row and
/// nothing else, a layer nothing but its arrays: a network that ended where a name is wrong would be another network. Numbers that float32
/// does not hold exactly are refused without `rounding`, else rounded to the nearest.
[[nodiscard]] Network read_network(const h5::Group& group, Rounding* rounding = nullptr);

}  // namespace espalier::nn
