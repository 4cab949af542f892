// The stages that leave a network: train, first_round, prune.
#include <algorithm>
#include <cmath>
#include <limits>

#include "espalier/base/error.hpp"
#include "espalier/experiments/parameters.hpp"
#include "espalier/experiments/stages.hpp"
#include "espalier/prune/compact.hpp"
#include "espalier/train/train.hpp"
#include "experiments/network_options.hpp"

namespace espalier::experiments {

using task::Attempt;
using task::Field;
using task::Parameters;
using task::Schema;
using task::StageContext;
using task::StageResult;
using task::ValueType;

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

Field column(std::string name, ValueType type, std::string unit, std::string meaning) {
  return {
      .name = std::move(name), .type = type, .default_value = {}, .unit = std::move(unit), .meaning = std::move(meaning), .choices = {}};
}

const Schema& network_columns() {
  static const Schema columns{
      column("architecture", ValueType::text, "", "widths of all layers, input to output"),
      column("train_accuracy", ValueType::real, "1", "share of the 60,000 train images classified right"),
      column("test_accuracy", ValueType::real, "1", "share of the 10,000 test images classified right"),
      column("final_loss", ValueType::real, "1", "mean training loss of the last epoch; NaN without epochs"),
      column("epochs_run", ValueType::integer, "epochs", "epochs that were run for this network alone"),
      column("epochs_nominal", ValueType::integer, "epochs", "epochs of the schedule as written, shared and skipped ones included"),
      column("training_seconds", ValueType::real, "s", "wall time of epochs_run"),
      column("training_cpu_seconds", ValueType::real, "s", "CPU time of epochs_run"),
      column("parameters", ValueType::integer, "1", "weights and biases"),
      column("nonzero_weights", ValueType::integer, "1", "weights that are not exactly 0"),
      column("best_test_accuracy", ValueType::real, "1",
             "largest test accuracy after any epoch of finetuning (what Cacciola et al. report); NaN if not measured"),
      column("prune_threshold", ValueType::real, "1",
             "weights of at most this size counted as pruned; NaN unless prune_criterion is threshold"),
  };
  return columns;
}

const Schema& loss_arrays() {
  static const Schema arrays{column("epoch_loss", ValueType::real, "1", "mean training loss of every epoch run, in order")};
  return arrays;
}

/// What a stage knows of the network it made, for row and part file.
struct Made {
  nn::Network network;
  std::vector<double> epoch_loss;
  int epochs_run = 0;
  int epochs_nominal = 0;
  double wall_seconds = 0;
  double cpu_seconds = 0;
  double best_test_accuracy = nan;
  double threshold = nan;
};

StageResult publish(const Made& made, const data::Dataset& data, const StageContext& context) {
  made.network.check();
  const double train_accuracy = train::accuracy(made.network, data.train);
  const double test_accuracy = train::accuracy(made.network, data.test);
  write_stored_network(context.part_path, {made.network, train_accuracy, test_accuracy});
  StageResult result;
  result.values = Parameters{
      {"architecture", nn::architecture(made.network)},
      {"train_accuracy", train_accuracy},
      {"test_accuracy", test_accuracy},
      {"final_loss", made.epoch_loss.empty() ? nan : made.epoch_loss.back()},
      {"epochs_run", std::int64_t{made.epochs_run}},
      {"epochs_nominal", std::int64_t{made.epochs_nominal}},
      {"training_seconds", made.wall_seconds},
      {"training_cpu_seconds", made.cpu_seconds},
      {"parameters", made.network.parameter_count()},
      {"nonzero_weights", made.network.nonzero_weights()},
      {"best_test_accuracy", made.best_test_accuracy},
      {"prune_threshold", made.threshold},
  };
  result.arrays.push_back({"epoch_loss", made.epoch_loss});
  return result;
}

/// What the three stages share.
class NetworkStage : public task::Stage {
 public:
  NetworkStage(std::shared_ptr<Environment> environment, std::string kind, std::string table, const std::vector<std::string>& sections)
      : environment_(std::move(environment)),
        kind_(std::move(kind)),
        table_(std::move(table)),
        parameters_(columns_of_sections(sections)) {}

  std::string kind() const override { return kind_; }
  std::uint32_t schema_version() const override { return 2; }
  std::string table() const override { return table_; }
  const Schema& parameters() const override { return parameters_; }
  const Schema& columns() const override { return network_columns(); }
  const Schema& arrays() const override { return loss_arrays(); }

  StageResult run(const Attempt& attempt, const StageContext& context) const override {
    const Parameters& p = attempt.spec.parameters;
    const auto data = environment_->dataset(p.text("dataset_name"), static_cast<int>(p.integer("dataset_side")));
    const Made made = make(attempt, context, *data);
    return publish(made, *data, context);
  }

 protected:
  virtual Made make(const Attempt& attempt, const StageContext& context, const data::Dataset& data) const = 0;

  std::shared_ptr<const StoredNetwork> input(const Attempt& attempt, const StageContext& context, std::size_t k) const {
    return environment_->network(context.output_directory / attempt.inputs.at(k).name);
  }

 private:
  std::shared_ptr<Environment> environment_;
  std::string kind_;
  std::string table_;
  Schema parameters_;
};

class TrainStage : public NetworkStage {
 public:
  explicit TrainStage(std::shared_ptr<Environment> environment)
      : NetworkStage(std::move(environment), "train", "networks", {"dataset", "network", "train"}) {}

 private:
  Made make(const Attempt& attempt, const StageContext& context, const data::Dataset& data) const override {
    const Parameters& p = attempt.spec.parameters;
    train::TrainOptions options = train_options(p);
    options.measure_accuracy = false;
    Made made{.network = start_network(p), .epochs_nominal = options.epochs};
    const auto reference = attempt.inputs.empty() ? nullptr : input(attempt, context, 0);
    options.regularisers = regularisers(p, reference ? &reference->network : nullptr, made.network);
    const train::TrainReport report = train::train(made.network, data, options, context.stop_requested);
    if (report.stopped) throw task::StageStopped{};
    made.epoch_loss = report.epoch_loss;
    made.epochs_run = report.epochs_run;
    made.wall_seconds = report.wall_seconds;
    made.cpu_seconds = report.cpu_seconds;
    return made;
  }
};

class FirstRoundStage : public NetworkStage {
 public:
  explicit FirstRoundStage(std::shared_ptr<Environment> environment)
      : NetworkStage(std::move(environment), "first_round", "", {"dataset", "network", "train"}) {}

 private:
  Made make(const Attempt& attempt, const StageContext& context, const data::Dataset& data) const override {
    const auto dense = input(attempt, context, 0);
    const auto options = finetune_options(attempt.spec.parameters, prune::Finetune::rewinding);
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
      : NetworkStage(std::move(environment), "prune", "networks", {"dataset", "network", "train", "prune"}) {}

 private:
  Made make(const Attempt& attempt, const StageContext& context, const data::Dataset& data) const override {
    const Parameters& p = attempt.spec.parameters;
    const auto dense = input(attempt, context, 0);
    Made made;
    if (p.text("prune_criterion") == "threshold") {
      made = by_threshold(p, dense->network, data, context);
    } else {
      std::shared_ptr<const StoredNetwork> first_round;
      if (attempt.inputs.size() > 1) first_round = input(attempt, context, 1);
      made = by_rate(p, dense->network, first_round ? &first_round->network : nullptr, data, context);
    }
    if (p.boolean("prune_compact")) made.network = prune::compact(std::move(made.network));
    return made;
  }

  static Made by_rate(const Parameters& p, const nn::Network& dense, const nn::Network* first_round, const data::Dataset& data,
                      const StageContext& context) {
    const prune::Finetune schedule = prune::finetune_from(p.text("prune_finetuning"));
    if (schedule == prune::Finetune::none) return {.network = prune::prune(dense, prune_options(p))};
    prune::FinetuneReport report =
        prune::prune_and_finetune(dense, first_round, data, prune_options(p), finetune_options(p, schedule), context.stop_requested);
    if (report.stopped) throw task::StageStopped{};
    return {.network = std::move(report.network),
            .epoch_loss = report.epoch_loss,
            .epochs_run = report.epochs_run,
            .epochs_nominal = report.epochs_nominal,
            .wall_seconds = report.wall_seconds,
            .cpu_seconds = report.cpu_seconds};
  }

  static Made by_threshold(const Parameters& p, const nn::Network& dense, const data::Dataset& data, const StageContext& context) {
    prune::ThresholdResult pruned = prune::prune_by_threshold(dense, data.train, threshold_options(p));
    Made made{.network = std::move(pruned.network), .threshold = pruned.threshold};
    if (prune::finetune_from(p.text("prune_finetuning")) == prune::Finetune::none) return made;
    train::TrainOptions round = finetune_options(p, prune::Finetune::cumulative).round;
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
std::unique_ptr<task::Stage> make_first_round_stage(std::shared_ptr<Environment> environment) {
  return std::make_unique<FirstRoundStage>(std::move(environment));
}
std::unique_ptr<task::Stage> make_prune_stage(std::shared_ptr<Environment> environment) {
  return std::make_unique<PruneStage>(std::move(environment));
}

task::StageRegistry make_stages(const std::shared_ptr<Environment>& environment) {
  task::StageRegistry registry;
  registry.add(make_train_stage(environment));
  registry.add(make_first_round_stage(environment));
  registry.add(make_prune_stage(environment));
  registry.add(make_solve_stage(environment));
  return registry;
}

}  // namespace espalier::experiments
