// Networks in HDF5: <group>/layer_<k>/weight float32 (out, in), bias float32 (out,), mask uint8 (out, in) if masked.
#pragma once
#include <filesystem>
#include <string>

#include "espalier/nn/network.hpp"

namespace espalier::h5 {
class Group;
}

namespace espalier::nn {

void write_network(const h5::Group& group, const Network& network);
/// Checks shapes, types and finiteness; errors name the file and the object.
Network read_network(const h5::Group& group);

}  // namespace espalier::nn
