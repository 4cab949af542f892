#include "experiments/compression_columns.hpp"

#include "experiments/column.hpp"

namespace espalier::experiments {

using task::ValueType;

task::Schema compression_columns() {
  using enum ValueType;
  return {
      column("removed_off", integer, "1", "exact compression: hidden neurons removed because bounds prove that their output is 0"),
      column("removed_linear", integer, "1",
             "exact compression: how many fewer neurons there are for those that bounds prove to be linear"),
      column("removed_other", integer, "1", "exact compression: hidden neurons removed because they had no weights or nothing read them"),
      column("removal_slack", real, "1", "smallest distance from 0 of a bound that a removal rests on; +inf if none does"),
      column("removal_deviation", real, "1",
             "how far a logit (in /solves: the margin) may be, on the domain, from that of the network as it was, by rounding to float32"),
  };
}

task::Schema compression_arrays() {
  return {column("proof_lower", ValueType::real, "1",
                 "lower bounds of the pre-activations before exact compression, over its domain: all layers, first to last"),
          column("proof_upper", ValueType::real, "1", "upper bounds of the same")};
}

void set_compression(const std::vector<prune::CompressedLayer>& layers, double slack, double deviation, task::Parameters& values) {
  std::int64_t off = 0, linear = 0, other = 0;
  for (const prune::CompressedLayer& layer : layers) {
    off += layer.off;
    linear += layer.folded;
    other += layer.constant + layer.unread;
  }
  values.set("removed_off", off);
  values.set("removed_linear", linear);
  values.set("removed_other", other);
  values.set("removal_slack", slack);
  values.set("removal_deviation", deviation);
}

std::vector<task::Array> proof_arrays(const bounds::Bounds& proof) {
  task::Array lower{"proof_lower", {}}, upper{"proof_upper", {}};
  for (const bounds::LayerBounds& layer : proof.layers) {
    lower.values.insert(lower.values.end(), layer.lower.begin(), layer.lower.end());
    upper.values.insert(upper.values.end(), layer.upper.begin(), layer.upper.end());
  }
  return {std::move(lower), std::move(upper)};
}

}  // namespace espalier::experiments
