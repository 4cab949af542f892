// Null tasks through the farm: what the farm itself costs, journal included. Start with farm_null.sh, or
//   mpirun -np 3 --oversubscribe farm_null 100000 OUT
// Each task has 20 parameters, as a solve has, and returns 10 columns. Prints one line: tasks, seconds, tasks/s, the master's peak memory.
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>

#include "espalier/base/clock.hpp"
#include "espalier/base/error.hpp"
#include "espalier/farm/run.hpp"
#include "espalier/wire/connect.hpp"

namespace espalier {
namespace {

constexpr int known_parameters = 20;
constexpr int known_columns = 10;

class NullStage final : public task::Stage {
 public:
  NullStage() {
    for (int i = 0; i < known_columns; ++i) columns_.push_back({.name = fmt::format("column_{}", i), .unit = "s", .meaning = "a number"});
  }
  std::string kind() const override { return "null"; }
  std::uint32_t schema_version() const override { return 1; }
  std::string table() const override { return "null"; }
  const task::Schema& parameters() const override { return none_; }
  const task::Schema& columns() const override { return columns_; }
  const task::Schema& arrays() const override { return none_; }
  task::StageResult run(const task::Attempt& attempt, const task::StageContext&) const override {
    task::StageResult result;
    for (int i = 0; i < known_columns; ++i)
      result.values.set(columns_[static_cast<std::size_t>(i)].name, static_cast<double>(attempt.id.value) / 3);
    return result;
  }

 private:
  task::Schema none_, columns_;
};

task::TaskGraph null_graph(std::int64_t tasks) {
  task::TaskGraph graph;
  graph.tasks.reserve(static_cast<std::size_t>(tasks));
  for (std::int64_t t = 0; t < tasks; ++t) {
    task::PlannedTask planned;
    planned.spec.kind = "null";
    planned.spec.parameters.set("sample", t);
    for (int i = 1; i < known_parameters; ++i) {
      const std::string name = fmt::format("solve.parameter_{}", i);
      planned.spec.parameters.set(name, i % 3 == 0 ? task::Value(std::string("surrogate")) : task::Value(0.1 * i));
    }
    planned.spec.key = task::make_key("null", 1, planned.spec.parameters, {});
    graph.tasks.push_back(std::move(planned));
  }
  return graph;
}

double peak_megabytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

int run(std::int64_t tasks, const std::filesystem::path& out) {
  const auto link = wire::connect();
  task::StageRegistry stages;
  stages.add(std::make_unique<NullStage>());
  if (link->rank().value != 0) {
    farm::run_worker(*link, stages, out);
    return 0;
  }
  const task::TaskGraph graph = null_graph(tasks);
  auto directory = store::OutputDirectory::open(out, {"null\n", base::digest("null")});
  const base::Stopwatch watch;
  const farm::RunResult result = farm::run_master(*link, graph, stages, directory, {.progress = farm::ProgressStyle::none});
  if (!result.settled || result.failed() > 0) {
    std::fputs(farm::summary(result).c_str(), stderr);
    return 1;
  }
  std::printf("tasks %zu workers %d seconds %.3f tasks_per_second %.0f master_cpu_share %.2f master_peak_MB %.0f\n", result.done(),
              result.workers, result.wall_seconds, static_cast<double>(result.done()) / result.wall_seconds,
              watch.cpu_seconds() / watch.wall_seconds(), peak_megabytes());
  std::fflush(stdout);
  farm::leave(*link, result, 0);
  return 0;
}

}  // namespace
}  // namespace espalier

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: farm_null TASKS OUT\n");
    return 2;
  }
  try {
    return espalier::run(std::atoll(argv[1]), argv[2]);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "farm_null: %s\n", e.what());
    return 3;
  }
}
