// The stages of one instance, run one after the other.
#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "espalier/stages/chain.hpp"
#include "espalier/stages/environment.hpp"
#include "espalier/stages/parameters.hpp"
#include "espalier/stages/stages.hpp"

namespace espalier::testing {

/// Runs the stages of one instance one after the other on the real MNIST, as a worker would.
class InstanceRun {
 public:
  explicit InstanceRun(const std::vector<task::Parameters::Map::value_type>& changes)
      : folder_(std::filesystem::temp_directory_path() / ("stages-" + std::to_string(::getpid()) + "-" + std::to_string(++count_))),
        stages_(stages::make_stages(
            std::make_shared<stages::Environment>(stages::Environment::Options{.data = {.defaults = {ESPALIER_SOURCE_DIR "/data"}}}))) {
    std::filesystem::create_directories(folder_ / "parts");
    task::Parameters instance;
    for (const task::Field& field : stages::parameter_schema())
      if (field.default_value) instance.set(field.name, *field.default_value);
    instance.set("dataset.name", std::string("mnist"));
    instance.set("dataset.side", std::int64_t{8});
    instance.set("network.hidden", task::IntegerList{8, 6});
    instance.set("train.epochs", std::int64_t{1});
    instance.set("prune.epochs", std::int64_t{1});
    instance.set("prune.steps", std::int64_t{2});
    instance.set("problem.epsilon", 2.0);
    instance.set("solve.solver", std::string("cbc"));
    instance.set("solve.node_limit", std::int64_t{100});
    for (const auto& [name, value] : changes) instance.set(name, value);
    for (const task::StageRequest& request : stages::expand_chain(instance)) run(request);
  }
  ~InstanceRun() { std::filesystem::remove_all(folder_); }

  const task::StageResult& result(const std::string& kind) const { return results_.at(kind); }
  /// The last stage of that kind once more, from the same inputs.
  task::StageResult run_again(const std::string& kind, const std::function<bool()>& stop_requested) const {
    const task::Attempt& attempt = attempts_.at(kind);
    const task::Stage& stage = stages_.find(kind);
    return stage.run(attempt, {.output_directory = folder_,
                               .part_path = folder_ / "parts" / "again.h5",
                               .payload = stage.payload(attempt),
                               .stop_requested = stop_requested});
  }
  const task::StageRegistry& stages() const { return stages_; }
  const std::map<std::string, task::StageResult>& results() const { return results_; }
  /// What the last stage of that kind left in its part file.
  stages::StoredNetwork network(const std::string& kind) const { return stages::read_stored_network(folder_ / parts_.at(kind)); }

 private:
  void run(const task::StageRequest& request) {
    task::Attempt attempt;
    attempt.spec.kind = request.kind;
    attempt.spec.parameters = request.parameters;
    for (const std::size_t parent : request.parents) {
      attempt.spec.parents.push_back(keys_[parent]);
      attempt.inputs.push_back({.name = "parts/" + keys_[parent].hex() + ".h5", .stamp = {}});
    }
    attempt.spec.key = task::make_key(request.kind, 1, request.parameters, attempt.spec.parents);
    keys_.push_back(attempt.spec.key);
    const task::Stage& stage = stages_.find(request.kind);
    const task::StageContext context{
        .output_directory = folder_, .part_path = folder_ / "parts" / (attempt.spec.key.hex() + ".h5"), .payload = stage.payload(attempt)};
    results_[request.kind] = stage.run(attempt, context);
    attempts_[request.kind] = attempt;
    parts_[request.kind] = "parts/" + attempt.spec.key.hex() + ".h5";
  }

  static inline int count_ = 0;
  std::filesystem::path folder_;
  task::StageRegistry stages_;
  std::vector<task::StageKey> keys_;
  std::map<std::string, task::StageResult> results_;
  std::map<std::string, task::Attempt> attempts_;
  std::map<std::string, std::string> parts_;
};

}  // namespace espalier::testing
