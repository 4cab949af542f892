// The parameters train.* and prune.* as the options of these modules: each listed once, with its key, unit, range and meaning.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "espalier/prune/finetune.hpp"
#include "espalier/prune/threshold.hpp"
#include "espalier/record/record.hpp"
#include "espalier/task/value.hpp"
#include "espalier/train/initial.hpp"
#include "espalier/train/train.hpp"

namespace espalier::stages {

/// Where spr takes its M from.
enum class BigM {
  trained,  ///< the same network, trained without regulariser
  initial,  ///< the initial network
};
base::Words<BigM> words(BigM);

struct TrainParameters {
  train::TrainOptions options = {};
  train::Initialisation initialization = train::Initialisation::xavier_uniform;
  std::string regulariser = "none";
  train::RegulariserOptions penalty = {};
  BigM big_m = BigM::trained;

  /// `reference` is the trained network that spr may take its M from, `start` the initial one.
  std::vector<std::shared_ptr<const train::Regulariser>> regularisers(const nn::Network* reference, const nn::Network& start) const;
};
const record::Record<TrainParameters>& train_record();
/// Of a stage's train_*.
TrainParameters train_parameters(const task::Parameters& p);
/// Of dataset_side and network_hidden, as train_* want it.
nn::Network start_network(const task::Parameters& p, const TrainParameters& train);

struct PruneParameters {
  prune::PruneOptions by_rate = {.criterion = "none"};
  prune::ThresholdOptions by_threshold = {};
  prune::FinetuneOptions finetuning = {.schedule = prune::Finetune::none};
  bool compact = false;
  std::string proof = "none";
};
const record::Record<PruneParameters>& prune_record();
/// Of a stage's prune_* and what it takes from train_*: seed and order of finetuning.
PruneParameters prune_parameters(const task::Parameters& p);

}  // namespace espalier::stages
