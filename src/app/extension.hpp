// A changed configuration in the output directory of an earlier one (run --extend).
#pragma once
#include "app/experiment_plan.hpp"

namespace espalier::app {

/// What becomes of the tasks there. ConfigurationChanged if something is finished there and none of it would be kept: then it is not a
/// sweep that grows.
store::Extension extension_of(const store::OutputDirectory& directory, const ExperimentPlan& now, const Catalogue& catalogue);

/// Without --extend: ConfigurationChanged that says what changed and what the flag would do.
[[noreturn]] void refuse_changed(const store::ConfigurationChanged& changed, const store::OutputDirectory& directory,
                                 const ExperimentPlan& now, const Catalogue& catalogue);

}  // namespace espalier::app
