// What the stages share that leave a network: their row in /networks and their part file.
#pragma once
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "espalier/nn/network.hpp"
#include "espalier/stages/environment.hpp"
#include "espalier/task/stage.hpp"

namespace espalier::stages {

/// What a stage knows of the network it made.
struct MadeNetwork {
  nn::Network network;
  std::vector<double> epoch_loss;
  int epochs_run = 0;
  int epochs_nominal = 0;
  double wall_seconds = 0;
  double cpu_seconds = 0;
  double best_test_accuracy = std::numeric_limits<double>::quiet_NaN();
  double threshold = std::numeric_limits<double>::quiet_NaN();
  task::Parameters more = {};  ///< values of a stage's further columns
  std::vector<task::Array> more_arrays = {};
};

class NetworkStage : public task::Stage {
 public:
  /// `more_columns` and `more_arrays` are those that other network stages do not have.
  NetworkStage(std::shared_ptr<Environment> environment, std::string kind, std::uint32_t schema_version, std::string table,
               const std::vector<std::string>& sections, const task::Schema& more_columns = {}, const task::Schema& more_arrays = {});

  std::string kind() const override { return kind_; }
  std::uint32_t schema_version() const override { return schema_version_; }
  std::string table() const override { return table_; }
  const task::Schema& parameters() const override { return parameters_; }
  const task::Schema& columns() const override { return columns_; }
  const task::Schema& arrays() const override { return arrays_; }

  bool leaves_part() const override { return true; }

  /// Makes the network, measures it, writes its part file.
  task::StageResult run(const task::Attempt& attempt, const task::StageContext& context) const override;

 protected:
  virtual MadeNetwork make(const task::Attempt& attempt, const task::StageContext& context, const data::Dataset& data) const = 0;

  /// The network of the attempt's k-th parent.
  std::shared_ptr<const StoredNetwork> input(const task::Attempt& attempt, const task::StageContext& context, std::size_t k) const;

 private:
  std::shared_ptr<Environment> environment_;
  std::string kind_;
  std::uint32_t schema_version_;
  std::string table_;
  task::Schema parameters_;
  task::Schema columns_;
  task::Schema arrays_;
};

}  // namespace espalier::stages
