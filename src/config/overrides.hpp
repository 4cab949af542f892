// --set key=value
#pragma once
#include <string>
#include <vector>

#include "config/problems.hpp"
#include "espalier/config/experiment.hpp"

namespace espalier::config {

/// Applies "key=value" texts to an experiment that was read without problems, see load_experiment().
void apply_overrides(Experiment& experiment, const task::Schema& schema, const std::vector<std::string>& overrides, Problems& problems);

}  // namespace espalier::config
