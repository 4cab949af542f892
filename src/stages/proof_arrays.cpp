#include "stages/proof_arrays.hpp"

#include "stages/column.hpp"

namespace espalier::stages {

using task::ValueType;

task::Schema proof_columns() {
  return {column("proof_lower", ValueType::real, "1",
                 "lower bounds of the pre-activations before exact compression, over its domain: all layers, first to last"),
          column("proof_upper", ValueType::real, "1", "upper bounds of the same")};
}

std::vector<task::Array> proof_arrays(const bounds::Bounds& proof) {
  task::Array lower{"proof_lower", {}}, upper{"proof_upper", {}};
  for (const bounds::LayerBounds& layer : proof.layers) {
    lower.values.insert(lower.values.end(), layer.lower.begin(), layer.lower.end());
    upper.values.insert(upper.values.end(), layer.upper.begin(), layer.upper.end());
  }
  return {std::move(lower), std::move(upper)};
}

}  // namespace espalier::stages
