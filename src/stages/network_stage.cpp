#include "stages/network_stage.hpp"

#include "espalier/stages/parameters.hpp"
#include "espalier/train/train.hpp"
#include "stages/column.hpp"

namespace espalier::stages {

using task::Attempt;
using task::Parameters;
using task::Schema;
using task::StageContext;
using task::StageResult;
using task::ValueType;

namespace {

const Schema& network_columns() {
  static const Schema columns{
      column("architecture", ValueType::text, "", "widths of all layers, input to output"),
      column("train_accuracy", ValueType::real, "1", "share of the 60,000 train images classified right"),
      column("test_accuracy", ValueType::real, "1", "share of the 10,000 test images classified right"),
      column("final_loss", ValueType::real, "1", "mean training loss of the last epoch; NaN without epochs"),
      column("epochs_run", ValueType::integer, "epochs", "epochs that were run for this network alone"),
      column("epochs_nominal", ValueType::integer, "epochs", "epochs of the schedule as written, shared and skipped ones included"),
      measured("training_seconds", ValueType::real, "s", "wall time of epochs_run"),
      measured("training_cpu_seconds", ValueType::real, "s", "CPU time of epochs_run"),
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

StageResult publish(const MadeNetwork& made, const data::Dataset& data, const StageContext& context) {
  made.network.check();
  const double train_accuracy = train::accuracy(made.network, data.train);
  const double test_accuracy = train::accuracy(made.network, data.test);
  write_stored_network(context.part_path, {made.network, train_accuracy, test_accuracy});
  StageResult result;
  result.values = Parameters{
      {"architecture", nn::architecture(made.network)},
      {"train_accuracy", train_accuracy},
      {"test_accuracy", test_accuracy},
      {"final_loss", made.epoch_loss.empty() ? std::numeric_limits<double>::quiet_NaN() : made.epoch_loss.back()},
      {"epochs_run", std::int64_t{made.epochs_run}},
      {"epochs_nominal", std::int64_t{made.epochs_nominal}},
      {"training_seconds", made.wall_seconds},
      {"training_cpu_seconds", made.cpu_seconds},
      {"parameters", made.network.parameter_count()},
      {"nonzero_weights", made.network.nonzero_weights()},
      {"best_test_accuracy", made.best_test_accuracy},
      {"prune_threshold", made.threshold},
  };
  for (const auto& [name, value] : made.more.map()) result.values.set(name, value);
  result.arrays.push_back({"epoch_loss", made.epoch_loss});
  result.arrays.insert(result.arrays.end(), made.more_arrays.begin(), made.more_arrays.end());
  return result;
}

Schema joined(Schema schema, const Schema& more) {
  schema.insert(schema.end(), more.begin(), more.end());
  return schema;
}

}  // namespace

NetworkStage::NetworkStage(std::shared_ptr<Environment> environment, std::string kind, std::uint32_t schema_version, std::string table,
                           const std::vector<std::string>& sections, const Schema& more_columns, const Schema& more_arrays)
    : environment_(std::move(environment)),
      kind_(std::move(kind)),
      schema_version_(schema_version),
      table_(std::move(table)),
      parameters_(columns_of_sections(sections)),
      columns_(joined(network_columns(), more_columns)),
      arrays_(joined(loss_arrays(), more_arrays)) {}

StageResult NetworkStage::run(const Attempt& attempt, const StageContext& context) const {
  const Parameters& p = attempt.spec.parameters;
  const auto data = environment_->dataset(p.text("dataset_name"), static_cast<int>(p.integer("dataset_side")));
  const MadeNetwork made = make(attempt, context, *data);
  return publish(made, *data, context);
}

std::shared_ptr<const StoredNetwork> NetworkStage::input(const Attempt& attempt, const StageContext& context, std::size_t k) const {
  return environment_->network(context.output_directory / attempt.inputs.at(k).name);
}

}  // namespace espalier::stages
