// The stages that leave a network: train, import, first_round, prune.
#include <algorithm>

#include "espalier/base/error.hpp"
#include "espalier/branch/tighten.hpp"
#include "espalier/problem/region.hpp"
#include "espalier/reduce/compact.hpp"
#include "espalier/reduce/compress.hpp"
#include "espalier/stages/parameters.hpp"
#include "espalier/stages/stages.hpp"
#include "espalier/train/train.hpp"
#include "stages/network_parameters.hpp"
#include "stages/network_stage.hpp"
#include "stages/proof_arrays.hpp"

namespace espalier::stages {

using task::Attempt;
using task::Parameters;
using task::StageContext;

namespace {

class TrainStage : public NetworkStage {
 public:
  explicit TrainStage(std::shared_ptr<Environment> environment)
      : NetworkStage(std::move(environment), "train", 3, "networks", {"dataset", "network", "train"}) {}

 private:
  MadeNetwork make(const Attempt& attempt, const StageContext& context, const data::Dataset& data) const override {
    const Parameters& p = attempt.spec.parameters;
    const TrainParameters parameters = train_parameters(p);
    train::TrainOptions options = parameters.options;
    options.measure_accuracy = false;
    MadeNetwork made{.network = start_network(p, parameters), .epochs_nominal = options.epochs};
    const auto reference = attempt.inputs.empty() ? nullptr : input(attempt, context, 0);
    options.regularisers = parameters.regularisers(reference ? &reference->network : nullptr, made.network);
    const train::TrainReport report = train::train(made.network, data, options, context.stop_requested);
    if (report.stopped) throw task::StageStopped{};
    made.epoch_loss = report.epoch_loss;
    made.epochs_run = report.epochs_run;
    made.wall_seconds = report.wall_seconds;
    made.cpu_seconds = report.cpu_seconds;
    return made;
  }
};

class ImportStage : public NetworkStage {
 public:
  explicit ImportStage(std::shared_ptr<Environment> environment)
      : NetworkStage(std::move(environment), "import", 1, "networks", {"dataset", "network"}) {}

  /// A file of somebody else may be damaged: it is read in a process of its own.
  std::optional<task::ResourceLimits> limits(const Attempt& attempt) const override {
    return task::ResourceLimits{.memory_mib = attempt.limits.memory_mib};
  }

 private:
  MadeNetwork make(const Attempt& attempt, const StageContext& context, const data::Dataset& data) const override {
    const Parameters& p = attempt.spec.parameters;
    const std::string& name = p.text("network_file");
    MadeNetwork made{.network = read_given_network(context.output_directory / task::import_name(p.text("network_file_hash"), name))};
    const std::int64_t side = p.integer("dataset_side");
    if (made.network.inputs() != side * side || made.network.outputs() != data.classes)
      base::fail(base::ErrorKind::data, "'{}': expected a network of {} inputs ({} at dataset.side {}) and {} outputs, found {}", name,
                 side * side, p.text("dataset_name"), side, data.classes, nn::architecture(made.network));
    return made;
  }
};

class FirstRoundStage : public NetworkStage {
 public:
  explicit FirstRoundStage(std::shared_ptr<Environment> environment)
      : NetworkStage(std::move(environment), "first_round", 3, "", {"dataset", "network", "train"}) {}

 private:
  MadeNetwork make(const Attempt& attempt, const StageContext& context, const data::Dataset& data) const override {
    const auto dense = input(attempt, context, 0);
    prune::FinetuneOptions options = prune_parameters(attempt.spec.parameters).finetuning;
    options.schedule = prune::Finetune::rewinding;
    prune::FirstRound round = prune::first_round(dense->network, data, options, context.stop_requested);
    if (round.report.stopped) throw task::StageStopped{};
    return {.network = std::move(round.network),
            .epoch_loss = round.report.epoch_loss,
            .epochs_run = round.report.epochs_run,
            .epochs_nominal = options.round.epochs,
            .wall_seconds = round.report.wall_seconds,
            .cpu_seconds = round.report.cpu_seconds};
  }
};

class PruneStage : public NetworkStage {
 public:
  explicit PruneStage(std::shared_ptr<Environment> environment)
      : NetworkStage(std::move(environment), "prune", 4, "networks", {"dataset", "network", "train", "prune"},
                     reduce::compression_record().columns(), proof_columns()) {}

 private:
  MadeNetwork make(const Attempt& attempt, const StageContext& context, const data::Dataset& data) const override {
    const PruneParameters p = prune_parameters(attempt.spec.parameters);
    const auto dense = input(attempt, context, 0);
    MadeNetwork made;
    if (p.by_rate.criterion == "exact") {
      made.network = dense->network;
    } else if (p.by_rate.criterion == "threshold") {
      made = by_threshold(p, dense->network, data, context);
    } else {
      std::shared_ptr<const StoredNetwork> first_round;
      if (attempt.inputs.size() > 1) first_round = input(attempt, context, 1);
      made = by_rate(p, dense->network, first_round ? &first_round->network : nullptr, data, context);
    }
    if (p.compact) made.network = reduce::compact(std::move(made.network));
    if (p.proof != "none") compress_over_box(p.proof, context, made);
    return made;
  }

  static void compress_over_box(const std::string& method, const StageContext& context, MadeNetwork& made) {
    const base::Budget budget(std::numeric_limits<double>::infinity(), context.stop_requested);
    const bounds::Bounds proof =
        branch::make_bounds_method(method)->compute(made.network, problem::box_region(problem::unit_box(made.network.inputs())), budget);
    if (!proof.complete) throw task::StageStopped{};
    reduce::Compression smaller = reduce::compress(made.network, proof);
    made.network = std::move(smaller.network);
    made.more =
        reduce::compression_record().values(reduce::summarise(smaller.layers, smaller.smallest_slack, smaller.deviation.maxCoeff()));
    made.more_arrays = proof_arrays(proof);
  }

  static MadeNetwork by_rate(const PruneParameters& p, const nn::Network& dense, const nn::Network* first_round, const data::Dataset& data,
                             const StageContext& context) {
    if (p.finetuning.schedule == prune::Finetune::none) return {.network = prune::prune(dense, p.by_rate)};
    prune::FinetuneReport report = prune::prune_and_finetune(dense, first_round, data, p.by_rate, p.finetuning, context.stop_requested);
    if (report.stopped) throw task::StageStopped{};
    return {.network = std::move(report.network),
            .epoch_loss = report.epoch_loss,
            .epochs_run = report.epochs_run,
            .epochs_nominal = report.epochs_nominal,
            .wall_seconds = report.wall_seconds,
            .cpu_seconds = report.cpu_seconds};
  }

  static MadeNetwork by_threshold(const PruneParameters& p, const nn::Network& dense, const data::Dataset& data,
                                  const StageContext& context) {
    prune::ThresholdResult pruned = prune::prune_by_threshold(dense, data.train, p.by_threshold);
    MadeNetwork made{.network = std::move(pruned.network), .threshold = pruned.threshold};
    if (p.finetuning.schedule == prune::Finetune::none) return made;
    train::TrainOptions round = p.finetuning.round;
    round.measure_every_epoch = true;
    const train::TrainReport report = train::train(made.network, data, round, context.stop_requested);
    if (report.stopped) throw task::StageStopped{};
    made.epoch_loss = report.epoch_loss;
    made.epochs_run = made.epochs_nominal = report.epochs_run;
    made.wall_seconds = report.wall_seconds;
    made.cpu_seconds = report.cpu_seconds;
    made.best_test_accuracy = *std::max_element(report.epoch_test_accuracy.begin(), report.epoch_test_accuracy.end());
    return made;
  }
};

}  // namespace

std::unique_ptr<task::Stage> make_train_stage(std::shared_ptr<Environment> environment) {
  return std::make_unique<TrainStage>(std::move(environment));
}
std::unique_ptr<task::Stage> make_import_stage(std::shared_ptr<Environment> environment) {
  return std::make_unique<ImportStage>(std::move(environment));
}
std::unique_ptr<task::Stage> make_first_round_stage(std::shared_ptr<Environment> environment) {
  return std::make_unique<FirstRoundStage>(std::move(environment));
}
std::unique_ptr<task::Stage> make_prune_stage(std::shared_ptr<Environment> environment) {
  return std::make_unique<PruneStage>(std::move(environment));
}

task::StageRegistry make_stages(const std::shared_ptr<Environment>& environment) {
  task::StageRegistry registry;
  registry.add(make_train_stage(environment));
  registry.add(make_import_stage(environment));
  registry.add(make_first_round_stage(environment));
  registry.add(make_prune_stage(environment));
  registry.add(make_select_stage(environment));
  registry.add(make_solve_stage(environment));
  return registry;
}

}  // namespace espalier::stages
