// Training of a network by mini-batch gradient descent, in float32, on one thread.
#pragma once
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "espalier/data/dataset.hpp"
#include "espalier/nn/network.hpp"
#include "espalier/train/regulariser.hpp"
#include "espalier/train/update_rule.hpp"

namespace espalier::train {

struct TrainOptions {
  int epochs = 5;
  int batch_size = 64;
  std::string update_rule = "adam";  ///< see update_rule_names()
  float learning_rate = 1e-3f;
  UpdateRuleOptions update = {};  ///< momentum, beta_1, beta_2, epsilon
  float weight_decay = 0;         ///< L2: weight_decay * parameter is added to the gradient, of weights and biases (as PyTorch)
  float clip_gradient_norm = 0;   ///< > 0: the gradient is scaled to at most this 2-norm, over all parameters, before weight decay
  int decay_every_epochs = 0;     ///< > 0: the learning rate is multiplied by decay_factor after every so many epochs (StepLR)
  float decay_factor = 0.1f;
  bool shuffle = false;    ///< a new order every epoch; else the order of the file
  std::uint64_t seed = 0;  ///< of the order
  std::vector<std::shared_ptr<const Regulariser>> regularisers = {};
  bool measure_accuracy = true;      ///< false: the accuracies of the report are left at NaN
  bool measure_every_epoch = false;  ///< true: the test accuracy after every epoch is in the report
  friend bool operator==(const TrainOptions&, const TrainOptions&) = default;
};

struct TrainReport {
  std::vector<double> epoch_loss;  ///< mean over the epoch's samples of the loss at the time each batch was seen, regularisers included
  double train_accuracy = std::numeric_limits<double>::quiet_NaN();  ///< share in [0, 1] of train images classified right after the last
                                                                     ///< epoch; NaN when not measured
  double test_accuracy = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> epoch_test_accuracy;  ///< after each epoch; empty unless measure_every_epoch
  int epochs_run = 0;                       ///< complete epochs
  bool stopped = false;                     ///< stop_requested() was true: the network is what it was after the last batch
  double wall_seconds = 0;                  ///< of the training loop, evaluation not included
  double cpu_seconds = 0;
};

struct Progress {
  int epoch = 0;  ///< complete epochs
  int epochs = 0;
  double loss = 0;  ///< of the epoch just completed
};

/// Minimises mean cross-entropy(softmax(network(x)), label) + regularisers over the train samples, from the network given, in place.
/// Masked weights stay exactly 0. A last batch smaller than batch_size is used. Equal arguments give equal bits.
/// Both callbacks may be empty; stop_requested is polled once per batch.
/// Errors: base::Error(configuration) for illegal options or a network that does not fit the data; base::Error(numeric) naming epoch and
/// batch when the loss is not finite.
TrainReport train(nn::Network& network, const data::Dataset& data, const TrainOptions& options,
                  const std::function<bool()>& stop_requested = {}, const std::function<void(const Progress&)>& progress = {});

/// Share in [0, 1] of samples whose largest logit is that of the label (the first one on ties).
double accuracy(const nn::Network& network, const data::Samples& samples);

}  // namespace espalier::train
