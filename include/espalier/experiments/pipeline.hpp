// From one instance to its stages: train -> [first_round] -> prune -> solve.
#pragma once
#include "espalier/task/stage.hpp"

namespace espalier::experiments {

/// Stages of an instance (P2, Algorithm 1 and section 4; method notes in the code):
///   train                the dense network D
///   first_round          D finetuned without masks: the first round of rewinding, the same for all rates and structures
///   prune                the pruned (and finetuned) network S; absent for the dense arm
///   solve                MILP over S (or D), every incumbent evaluated on D
/// Parameters that cannot matter are set to their defaults before keys are made (prune.* when prune.criterion is none, prune.seed
/// with magnitude, ...), so that such instances share their stages; `espalier plan` shows what is shared.
class SurrogatePipeline : public task::Pipeline {
 public:
  const task::Schema& schema() const override;
  std::vector<task::StageRequest> expand(const task::Parameters& instance) const override;
};

}  // namespace espalier::experiments
