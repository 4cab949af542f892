// Pruning with training in between.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "espalier/data/dataset.hpp"
#include "espalier/nn/network.hpp"
#include "espalier/prune/prune.hpp"
#include "espalier/train/train.hpp"

namespace espalier::prune {

enum class Finetune {
  none,        ///< prune() alone
  rewinding,   ///< steps x {train; prune a step; reset weights and biases to w0, keep the masks}, then train (code of Pham et al. 2025)
  cumulative,  ///< steps x {prune a step; train} (text of the same paper)
};
base::Words<Finetune> words(Finetune);  ///< "none", "rewinding", "cumulative"

struct FinetuneOptions {
  Finetune schedule = Finetune::rewinding;
  /// One round; default as Pham et al. 2025.
  train::TrainOptions round = {.epochs = 5, .batch_size = 64, .update_rule = "sgd", .learning_rate = 1e-2f, .measure_accuracy = false};
};

struct FinetuneReport {
  nn::Network network;             ///< masked
  std::vector<double> epoch_loss;  ///< of the epochs run here, in order
  int epochs_run = 0;              ///< here; neither those of first_round nor those skipped
  int epochs_nominal = 0;          ///< of the literal schedule
  bool stopped = false;            ///< stop_requested() was true; the network is unfinished
  double wall_seconds = 0;
  double cpu_seconds = 0;
};

/// The first round of the rewinding schedule: w0 trained for one round without masks. It is the same for every rate and method.
struct FirstRound {
  nn::Network network;
  train::TrainReport report;
};
[[nodiscard]] FirstRound first_round(const nn::Network& w0, const data::Dataset& data, const FinetuneOptions& options,
                                     const std::function<bool()>& stop_requested = {});

/// Prunes w0 by the schedule. `after_first_round` is first_round(w0, ...).network, or null: then it is computed here if needed.
/// With a criterion that does not look at weights, the rewinding schedule's rounds before the last cannot influence the result and
/// are skipped. Round r trains with seed options.round.seed + r.
/// Errors: as train::train and prune_step; base::Error(internal) when after_first_round has another architecture than w0.
[[nodiscard]] FinetuneReport prune_and_finetune(const nn::Network& w0, const nn::Network* after_first_round, const data::Dataset& data,
                                                const PruneOptions& prune, const FinetuneOptions& options,
                                                const std::function<bool()>& stop_requested = {});

/// Whether prune_and_finetune would use after_first_round.
[[nodiscard]] bool needs_first_round(const PruneOptions& prune, const FinetuneOptions& options);

}  // namespace espalier::prune
