// From one instance to its stages: train or import -> [first_round] -> prune -> [select] -> solve.
#pragma once
#include <vector>

#include "espalier/task/stage.hpp"

namespace espalier::stages {

/// Stages of an instance of stages::parameter_schema() (P2, Algorithm 1 and section 4; P1, section 5.2):
///   train                the dense network D; for spr also the same without regulariser, which M is taken from
///   import               D where network.file gives it, in place of train
///   first_round          D finetuned without masks: the first round of rewinding, the same for all rates and structures
///   prune                the pruned (and finetuned) network S; absent for the dense arm
///   select               the smallest S that is accurate enough among those of several strengths
///   solve                the problem of D searched by way of S (problem.network: dense), or S's own (embedded)
/// Parameters that do not exist beside the others (task::Variants) are taken out before keys are made, so that instances that differ in
/// nothing else share their stages; `espalier plan` shows what is shared. Throws Error(configuration) for combinations that make no sense.
std::vector<task::StageRequest> expand_chain(const task::Parameters& instance);

}  // namespace espalier::stages
