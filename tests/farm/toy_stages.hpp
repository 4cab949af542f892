// A small experiment without any science: "train" leaves a part file, "prune" reads it and leaves another, "solve" reads both. Every
// number follows from the attempt alone. Parameters make a stage fail, sleep or misbehave.
#pragma once
#include <atomic>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <new>
#include <set>
#include <thread>
#include <vector>

#include "espalier/base/clock.hpp"
#include "espalier/base/error.hpp"
#include "espalier/base/file.hpp"
#include "espalier/task/stage.hpp"

namespace espalier::farm::toy {

using base::ErrorKind;

/// What happened in this process, for tests with threads as ranks.
struct Log {
  std::mutex mutex;
  std::multiset<task::StageKey> runs;  ///< attempts that began
  std::atomic<int> running{0};
  std::function<void(const task::Attempt&)> on_run = [](const task::Attempt&) {};
};

class ToyStage final : public task::Stage {
 public:
  ToyStage(std::string kind, Log* log) : kind_(std::move(kind)), log_(log) {}
  std::string kind() const override { return kind_; }
  std::uint32_t schema_version() const override { return 1; }
  std::string table() const override { return "toys"; }
  const task::Schema& parameters() const override { return parameters_; }
  const task::Schema& columns() const override { return columns_; }
  const task::Schema& arrays() const override { return arrays_; }
  bool leaves_part() const override { return kind_ == "train" || kind_ == "prune"; }

  task::StageResult run(const task::Attempt& attempt, const task::StageContext& context) const override {
    note(attempt);
    wait(attempt.spec.parameters, context);
    misbehave(attempt.spec.parameters);
    std::uint64_t sum = attempt.spec.derived_seed();
    for (const task::PartFile& input : attempt.inputs)
      if (!input.name.empty()) sum = 6364136223846793005ULL * sum + read_number(context.output_directory / input.name);
    if (leaves_part()) base::write_file_atomically(context.part_path, std::to_string(sum));
    task::StageResult result{{{"value", static_cast<std::int64_t>(sum >> 1)}, {"half", static_cast<double>(sum) / 3}}, {}};
    if (kind_ == "solve") result.arrays.push_back({"trace", {1.0, static_cast<double>(sum), std::numeric_limits<double>::quiet_NaN()}});
    if (const task::Value* extra = attempt.spec.parameters.find("undeclared")) result.values.set("undeclared", *extra);
    return result;
  }

 private:
  void note(const task::Attempt& attempt) const {
    if (!log_) return;
    log_->on_run(attempt);
    const std::lock_guard lock(log_->mutex);
    log_->runs.insert(attempt.spec.key);
  }

  /// With FARM_HURRY in the environment nobody sleeps: what a run leaves does not depend on it.
  void wait(const task::Parameters& parameters, const task::StageContext& context) const {
    if (!parameters.contains("sleep") || std::getenv("FARM_HURRY") != nullptr) return;
    if (log_) ++log_->running;
    const base::Stopwatch watch;
    const bool deaf = parameters.contains("deaf");
    while (watch.wall_seconds() < parameters.real("sleep")) {
      if (!deaf && context.stop_requested()) throw task::StageStopped{};
      std::this_thread::sleep_for(base::Seconds(0.002));
    }
  }

  static void misbehave(const task::Parameters& parameters) {
    if (!parameters.contains("fail")) return;
    const std::string& how = parameters.text("fail");
    for (const ErrorKind kind : {ErrorKind::configuration, ErrorKind::data, ErrorKind::store, ErrorKind::io, ErrorKind::solver,
                                 ErrorKind::numeric, ErrorKind::internal})
      if (how == base::to_string(kind)) base::fail(kind, "broken on purpose");
    if (how == "exception") throw std::out_of_range("index 7 of 3");
    if (how == "memory") throw std::bad_alloc();
    if (how == "number") throw 42;
    std::abort();
  }

  static std::uint64_t read_number(const std::filesystem::path& path) {
    const std::string text = base::read_file(path);
    std::uint64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
  }

  std::string kind_;
  Log* log_;
  task::Schema parameters_,
      columns_{{.name = "value", .type = task::ValueType::integer, .unit = "1", .meaning = "a number"},
               {.name = "half", .type = task::ValueType::real, .unit = "1", .meaning = "another"}},
      arrays_{{.name = "trace", .unit = "1", .meaning = "a trace"}};
};

inline task::StageRegistry registry(Log* log = nullptr) {
  task::StageRegistry result;
  for (const char* kind : {"train", "prune", "solve", "null"}) result.add(std::make_unique<ToyStage>(kind, log));
  return result;
}

inline base::TaskId add(task::TaskGraph& graph, const std::string& kind, task::Parameters parameters,
                        const std::vector<base::TaskId>& parents = {}, double expected_seconds = 1) {
  task::PlannedTask planned;
  planned.parents = parents;
  for (const base::TaskId parent : parents) planned.spec.parents.push_back(graph.tasks[parent.value].spec.key);
  planned.spec.kind = kind;
  planned.spec.parameters = std::move(parameters);
  planned.spec.key = task::make_key(kind, 1, planned.spec.parameters, planned.spec.parents);
  planned.expected_seconds = expected_seconds;
  graph.tasks.push_back(std::move(planned));
  return base::TaskId{static_cast<std::uint32_t>(graph.tasks.size() - 1)};
}

/// trains x prunes x solves; `extra` goes to every solve.
inline task::TaskGraph grid(std::int64_t trains, std::int64_t prunes, std::int64_t solves, const task::Parameters& extra = {}) {
  task::TaskGraph graph;
  for (std::int64_t t = 0; t < trains; ++t) {
    const base::TaskId train = add(graph, "train", {{"train.seed", t}});
    for (std::int64_t p = 0; p < prunes; ++p) {
      const base::TaskId prune = add(graph, "prune", {{"prune.rate", static_cast<double>(p) / 10}}, {train}, 0.01);
      for (std::int64_t s = 0; s < solves; ++s) {
        task::Parameters parameters = extra;
        parameters.set("solve.sample", s);
        add(graph, "solve", std::move(parameters), {train, prune}, 0.5 + static_cast<double>(s));
      }
    }
  }
  return graph;
}

}  // namespace espalier::farm::toy
