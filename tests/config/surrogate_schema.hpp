// The parameters of the surrogate experiments, as the experiment files in configs/ use them. The tests of config and plan need a
// schema of realistic size; the science tower, which owns the true one, is above them.
#pragma once
#include "espalier/task/field.hpp"

namespace espalier::test {

inline task::Field text(std::string name, std::string value, std::vector<std::string> choices) {
  return {.name = std::move(name),
          .type = task::ValueType::text,
          .default_value = std::move(value),
          .meaning = "A word.",
          .choices = std::move(choices)};
}
inline task::Field integer(std::string name, std::int64_t value, double minimum = 0,
                           double maximum = std::numeric_limits<double>::infinity()) {
  return {.name = std::move(name),
          .type = task::ValueType::integer,
          .default_value = value,
          .unit = "1",
          .meaning = "A number.",
          .minimum = minimum,
          .maximum = maximum};
}
inline task::Field real(std::string name, double value, double minimum = 0) {
  return {.name = std::move(name),
          .type = task::ValueType::real,
          .default_value = value,
          .unit = "1",
          .meaning = "A number.",
          .minimum = minimum};
}
inline task::Field boolean(std::string name, bool value) {
  return {.name = std::move(name), .type = task::ValueType::boolean, .default_value = value, .meaning = "A switch."};
}

inline const task::Schema& surrogate_schema() {
  static const task::Schema schema = [] {
    task::Field dataset = text("dataset.name", "", {"mnist", "fashion-mnist"});
    dataset.default_value.reset();  // required
    task::Field rate = real("prune.rate", 0);
    rate.maximum = 1;
    rate.maximum_open = true;
    task::Field hidden{.name = "network.hidden", .type = task::ValueType::integer_list, .default_value = task::IntegerList{}, .minimum = 1};
    return task::Schema{dataset,
                        integer("dataset.side", 28, 1, 28),
                        integer("network.depth", 2, 1),
                        integer("network.width", 32, 1),
                        hidden,
                        text("train.optimizer", "adam", {"adam", "sgd"}),
                        real("train.learning_rate", 1e-3),
                        real("train.momentum", 0),
                        real("train.weight_decay", 1e-3),
                        integer("train.batch_size", 64, 1),
                        integer("train.epochs", 5),
                        integer("train.schedule_step", 0),
                        real("train.schedule_factor", 0.1),
                        real("train.clip_norm", 0),
                        text("train.initialization", "xavier", {"xavier", "fan_in"}),
                        boolean("train.shuffle", false),
                        integer("train.seed", 0),
                        text("prune.criterion", "none", {"none", "magnitude", "random"}),
                        text("prune.structure", "unstructured", {"unstructured", "structured"}),
                        rate,
                        integer("prune.steps", 5, 1),
                        boolean("prune.output", true),
                        text("prune.finetuning", "none", {"none", "rewinding", "cumulative"}),
                        integer("prune.epochs", 5),
                        real("prune.learning_rate", 1e-2),
                        integer("prune.batch_size", 64, 1),
                        integer("prune.seed", 0),
                        integer("problem.sample_index", 0),
                        real("problem.epsilon", 5),
                        text("problem.label_source", "dense", {"dense", "surrogate"}),
                        text("solve.solver", "cbc", {}),
                        text("solve.formulation", "big-m", {"big-m-literal", "big-m", "big-m-split"}),
                        text("solve.bounds", "interval", {"interval-box", "interval", "crown", "alpha-crown"}),
                        text("solve.goal", "optimize", {"optimize", "decide"}),
                        text("solve.on_success", "stop", {"stop", "continue"}),
                        real("solve.time_limit", 300),
                        integer("solve.node_limit", -1, -1),
                        text("solve.start", "clean_input", {"none", "clean_input", "attack"}),
                        integer("solve.seed", 0),
                        integer("repetition", 0)};
  }();
  return schema;
}

}  // namespace espalier::test
