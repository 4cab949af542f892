// What changed between two configurations: for the message when an output directory belongs to another one.
#pragma once
#include <string>
#include <vector>

#include "espalier/config/experiment.hpp"
#include "espalier/task/field.hpp"

namespace espalier::plan {

/// A parameter that takes other values over the instances of one experiment than of the other.
struct Change {
  std::string key;     ///< "train.epochs"
  std::string before;  ///< "5", or "0.3, 0.5" for several values
  std::string now;
};

/// Compares the instances (not the text) of two experiments; empty if and only if the fingerprints are equal. Different
/// studies are one change. When every parameter
/// takes the same values, but in other combinations, the one change has the key "grid" and the numbers of instances.
std::vector<Change> difference(const config::Experiment& before, const config::Experiment& now, const task::Schema& schema);

/// "train.epochs was 5, now 8; prune.rate was 0.3, now 0.3, 0.5"
std::string to_text(const std::vector<Change>& changes);

}  // namespace espalier::plan
