// What exact compression removed, and the proof that it could: columns and arrays of /networks and /solves.
#pragma once
#include <vector>

#include "espalier/bounds/bounds.hpp"
#include "espalier/prune/compress.hpp"
#include "espalier/task/field.hpp"
#include "espalier/task/stage.hpp"

namespace espalier::experiments {

task::Schema compression_columns();
task::Schema compression_arrays();

/// Without compression nothing was removed: `layers` is empty, `slack` infinite, `deviation` 0.
void set_compression(const std::vector<prune::CompressedLayer>& layers, double slack, double deviation, task::Parameters& values);
std::vector<task::Array> proof_arrays(const bounds::Bounds& proof);

}  // namespace espalier::experiments
