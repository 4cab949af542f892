// From the parameters of a network's stage to the options of train and prune.
#pragma once
#include <memory>
#include <vector>

#include "espalier/prune/finetune.hpp"
#include "espalier/prune/threshold.hpp"
#include "espalier/task/value.hpp"
#include "espalier/train/train.hpp"

namespace espalier::stages {

train::TrainOptions train_options(const task::Parameters& p);
/// `reference` is the trained network that spr may take its M from, `start` the initial one.
std::vector<std::shared_ptr<const train::Regulariser>> regularisers(const task::Parameters& p, const nn::Network* reference,
                                                                    const nn::Network& start);
prune::FinetuneOptions finetune_options(const task::Parameters& p, prune::Finetune schedule);
prune::PruneOptions prune_options(const task::Parameters& p);
prune::ThresholdOptions threshold_options(const task::Parameters& p);
nn::Network start_network(const task::Parameters& p);

}  // namespace espalier::stages
