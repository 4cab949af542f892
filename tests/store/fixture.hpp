// A small invented pipeline: "make" leaves a part file and a row in /networks, "measure" a row in /solves, "hidden" no row.
#pragma once
#include <cmath>
#include <limits>
#include <memory>
#include <string>

#include "espalier/h5/file.hpp"
#include "espalier/store/output_directory.hpp"
#include "espalier/store/part.hpp"
#include "espalier/task/stage.hpp"

namespace espalier::test {

class FakeStage : public task::Stage {
 public:
  FakeStage(std::string kind, std::string table, task::Schema parameters, task::Schema columns, task::Schema arrays)
      : kind_(std::move(kind)),
        table_(std::move(table)),
        parameters_(std::move(parameters)),
        columns_(std::move(columns)),
        arrays_(std::move(arrays)) {}
  std::string kind() const override { return kind_; }
  std::uint32_t schema_version() const override { return 1; }
  std::string table() const override { return table_; }
  const task::Schema& parameters() const override { return parameters_; }
  const task::Schema& columns() const override { return columns_; }
  const task::Schema& arrays() const override { return arrays_; }
  task::StageResult run(const task::Attempt&, const task::StageContext&) const override { return {}; }

 private:
  std::string kind_, table_;
  task::Schema parameters_, columns_, arrays_;
};

inline task::StageRegistry fake_stages() {
  using task::ValueType;
  const task::Field seed{.name = "seed", .type = ValueType::integer, .unit = "1", .meaning = "random seed", .minimum = 0};
  const task::Field widths{.name = "hidden", .type = ValueType::integer_list, .meaning = "hidden widths"};
  const task::Field rate{.name = "rate", .type = ValueType::real, .unit = "1", .meaning = "pruning rate"};
  const task::Field target{.name = "target", .type = ValueType::integer, .meaning = "-1: the nearest", .minimum = -1};
  const task::Field accuracy{.name = "accuracy", .type = ValueType::real, .unit = "1", .meaning = "share of test images classified right"};
  task::StageRegistry stages;
  stages.add(std::make_unique<FakeStage>("make", "networks", task::Schema{seed, widths}, task::Schema{accuracy},
                                         task::Schema{{.name = "epoch_loss", .unit = "nat", .meaning = "mean loss per epoch"}}));
  stages.add(std::make_unique<FakeStage>("cut", "networks", task::Schema{seed, rate}, task::Schema{accuracy}, task::Schema{}));
  stages.add(std::make_unique<FakeStage>("hidden", "", task::Schema{seed}, task::Schema{}, task::Schema{}));
  stages.add(std::make_unique<FakeStage>(
      "measure", "solves", task::Schema{seed, target},
      task::Schema{{.name = "objective", .type = ValueType::real, .unit = "1", .meaning = "verified objective"},
                   {.name = "nodes", .type = ValueType::integer, .unit = "1", .meaning = "branch and bound nodes"},
                   {.name = "adversarial", .type = ValueType::boolean, .meaning = "a verified adversarial input was found"},
                   {.name = "limit", .type = ValueType::text, .meaning = "which limit ended it"}},
      task::Schema{{.name = "input", .unit = "1", .meaning = "adversarial input, pixels in [0,1]"}}));
  return stages;
}

inline task::TaskSpec fake_spec(const std::string& kind, std::int64_t seed, std::vector<task::StageKey> parents = {},
                                task::Parameters extra = {}) {
  task::TaskSpec spec{.key = {}, .kind = kind, .parameters = std::move(extra), .parents = std::move(parents)};
  spec.parameters.set("seed", seed);
  spec.key = task::make_key(spec.kind, spec.schema_version, spec.parameters, spec.parents);
  return spec;
}

/// For each i: make -> cut -> measure, make -> measure, and one hidden task.
inline task::TaskGraph fake_graph(std::int64_t networks = 2) {
  task::TaskGraph graph;
  const auto add = [&](task::TaskSpec spec) {
    graph.tasks.push_back({.spec = std::move(spec), .parents = {}});
    return graph.tasks.back().spec.key;
  };
  for (std::int64_t i = 0; i < networks; ++i) {
    const auto made = add(fake_spec("make", i, {}, {{"hidden", task::IntegerList{32, 16 + i}}}));
    const auto cut = add(fake_spec("cut", i, {made}, {{"rate", 0.5}}));
    add(fake_spec("measure", i, {made, cut}, {{"target", std::int64_t{-1}}}));
    add(fake_spec("measure", i, {made}, {{"target", std::int64_t{3}}}));
  }
  add(fake_spec("hidden", 0));
  return graph;
}

inline store::RunIdentity fake_identity(const std::string& configuration = "name: test\n") {
  return {configuration, base::digest(configuration)};
}

/// What a worker would return for this task; "make" and "cut" publish a part file.
inline task::Outcome fake_outcome(const std::filesystem::path& directory, const task::TaskSpec& spec) {
  task::Outcome outcome{.key = spec.key,
                        .attempt = {7},
                        .kind = task::OutcomeKind::done,
                        .rank = 1,
                        .host = "node1",
                        .started = 1.7e9,
                        .wall_seconds = 2.5,
                        .cpu_seconds = 2.25};
  const auto seed = spec.parameters.integer("seed");
  if (spec.kind == "make" || spec.kind == "cut") {
    outcome.values = {{"accuracy", 0.9 + 0.01 * static_cast<double>(seed)}};
    if (spec.kind == "make") outcome.arrays = {{"epoch_loss", {1.5, 0.5, 0.25 + static_cast<double>(seed)}}};
    const auto temporary = store::temporary_part_path(directory, spec.key, {7});
    h5::File file = h5::File::create(temporary);
    const std::vector<float> weight{1, 2, 3, 4, 5, static_cast<float>(seed)};
    file.root().write_array("layer_0/weight", weight, {2, 3});
    file.root().write_attribute("kind", spec.kind);
    file.close();
    outcome.part = store::publish_part(directory, temporary, spec.key);
  } else if (spec.kind == "measure") {
    const bool found = spec.parameters.integer("target") == 3;
    outcome.values = {{"objective", found ? 1.25 : -0.5}, {"adversarial", found}, {"limit", std::string(found ? "" : "time")}};
    if (found) outcome.values.set("nodes", std::int64_t{42});
    if (found) outcome.arrays = {{"input", {0.0, 0.1, 1.0, static_cast<double>(seed)}}};
  }
  return outcome;
}

inline task::Outcome fake_failure(const task::TaskSpec& spec, const std::string& message) {
  return {.key = spec.key,
          .attempt = {8},
          .kind = task::OutcomeKind::failed,
          .error_kind = "numeric",
          .message = message,
          .rank = 2,
          .host = "node2",
          .started = 1.7e9,
          .wall_seconds = 0.5,
          .cpu_seconds = 0.25};
}

}  // namespace espalier::test
