#include "espalier/prune/finetune.hpp"

#include "espalier/base/clock.hpp"
#include "espalier/base/error.hpp"
#include "espalier/prune/criterion.hpp"

namespace espalier::prune {
namespace {

using base::ErrorKind;
using Stop = std::function<bool()>;

/// w0 with another network's masks.
nn::Network rewound(const nn::Network& w0, const nn::Network& masks) {
  nn::Network network = w0;
  for (std::size_t k = 0; k < network.layers.size(); ++k) {
    nn::Layer& layer = network.layers[k];
    layer.mask = masks.layers[k].mask;
    if (layer.masked()) layer.weight = (layer.mask.array() != 0).select(layer.weight, 0.0f);
  }
  return network;
}

bool same_architecture(const nn::Network& a, const nn::Network& b) {
  if (a.layers.size() != b.layers.size()) return false;
  for (std::size_t k = 0; k < a.layers.size(); ++k)
    if (a.layers[k].inputs() != b.layers[k].inputs() || a.layers[k].outputs() != b.layers[k].outputs()) return false;
  return true;
}

/// One run of a schedule: the network on its way and what has been spent on it.
class Finetuning {
 public:
  Finetuning(const nn::Network& start, const data::Dataset& data, const PruneOptions& prune, const FinetuneOptions& options,
             const Stop& stop)

      : w0_(start), data_(data), prune_(prune), options_(options), stop_requested_(stop) {
    report_.network = start;
  }

  void rewinding(const nn::Network* after_first_round) {
    report_.epochs_nominal = (prune_.steps + 1) * options_.round.epochs;
    const bool train_rounds = needs_first_round(prune_, options_);
    for (int step = 0; step < prune_.steps && !report_.stopped; ++step) {
      if (train_rounds && step == 0 && after_first_round)
        report_.network = *after_first_round;
      else if (train_rounds)
        train(step);
      if (report_.stopped) return;
      prune_step(report_.network, prune_, step);
      report_.network = rewound(w0_, report_.network);
    }
    train(prune_.steps);
  }

  void cumulative() {
    report_.epochs_nominal = prune_.steps * options_.round.epochs;
    for (int step = 0; step < prune_.steps && !report_.stopped; ++step) {
      prune_step(report_.network, prune_, step);
      train(step);
    }
  }

  void none() { report_.network = prune(std::move(report_.network), prune_); }

  FinetuneReport finish() {
    report_.wall_seconds = watch_.wall_seconds();
    report_.cpu_seconds = watch_.cpu_seconds();
    return std::move(report_);
  }

 private:
  void train(int round) {
    train::TrainOptions options = options_.round;
    options.seed += static_cast<std::uint64_t>(round);
    options.measure_accuracy = false;
    const train::TrainReport trained = train::train(report_.network, data_, options, stop_requested_);
    report_.epoch_loss.insert(report_.epoch_loss.end(), trained.epoch_loss.begin(), trained.epoch_loss.end());
    report_.epochs_run += trained.epochs_run;
    report_.stopped = trained.stopped;
  }

  const nn::Network& w0_;
  const data::Dataset& data_;
  const PruneOptions& prune_;
  const FinetuneOptions& options_;
  const Stop& stop_requested_;
  FinetuneReport report_;
  base::Stopwatch watch_;
};

}  // namespace

base::Words<Finetune> words(Finetune) {
  static constexpr std::array<std::pair<Finetune, std::string_view>, 3> all{
      {{Finetune::none, "none"}, {Finetune::rewinding, "rewinding"}, {Finetune::cumulative, "cumulative"}}};
  return all;
}

bool needs_first_round(const PruneOptions& prune, const FinetuneOptions& options) {
  return options.schedule == Finetune::rewinding && make_criterion(prune.criterion)->depends_on_weights();
}

FirstRound first_round(const nn::Network& w0, const data::Dataset& data, const FinetuneOptions& options, const Stop& stop_requested) {
  FirstRound result{.network = w0, .report = {}};
  train::TrainOptions round = options.round;
  round.measure_accuracy = false;
  result.report = train::train(result.network, data, round, stop_requested);
  return result;
}

FinetuneReport prune_and_finetune(const nn::Network& w0, const nn::Network* after_first_round, const data::Dataset& data,
                                  const PruneOptions& prune, const FinetuneOptions& options, const Stop& stop_requested) {
  if (after_first_round && !same_architecture(*after_first_round, w0))
    base::fail(ErrorKind::internal, "finetuning: expected the first round of a network {}, found one of {}", nn::architecture(w0),
               nn::architecture(*after_first_round));
  Finetuning run(w0, data, prune, options, stop_requested);
  switch (options.schedule) {
    case Finetune::none:
      run.none();
      break;
    case Finetune::rewinding:
      run.rewinding(after_first_round);
      break;
    case Finetune::cumulative:
      run.cumulative();
      break;
  }
  return run.finish();
}

}  // namespace espalier::prune
