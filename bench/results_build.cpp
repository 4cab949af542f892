// How much memory and time results.h5 of a large run takes. Usage:
//   results_build write CONFIG DIR   an output directory in which every task of CONFIG has an invented outcome with all its columns and
//   arrays results_build build DIR          builds results.h5 of it and prints rows, seconds and the largest resident memory of this
//   process
// The configuration is one of `espalier run`; `espalier status DIR`, `check DIR` and `report DIR` then read what was written.
#include <fmt/format.h>
#include <sys/resource.h>

#include <cmath>
#include <filesystem>
#include <stdexcept>
#include <string>

#include "espalier/base/clock.hpp"
#include "espalier/base/random.hpp"
#include "espalier/config/experiment.hpp"
#include "espalier/h5/file.hpp"
#include "espalier/plan/plan.hpp"
#include "espalier/stages/stages.hpp"
#include "espalier/store/output_directory.hpp"
#include "espalier/store/part.hpp"
#include "espalier/store/results.hpp"
#include "espalier/studies/study.hpp"

namespace {

using namespace espalier;
using task::ValueType;

task::Value invented(const task::Field& field, base::RandomStream& random) {
  switch (field.type) {
    case ValueType::boolean:
      return random.below(2) == 1;
    case ValueType::integer:
      return static_cast<std::int64_t>(random.below(10));
    case ValueType::real:
      return static_cast<double>(random.below(1'000'000)) / 1000;
    case ValueType::integer_list:
      return task::IntegerList{32, 32};
    case ValueType::real_list:
      return task::RealList{0.5};
    case ValueType::text:
      break;
  }
  return field.name == "solve_status" ? std::string("adversarial") : fmt::format("text of {} letters", random.below(100));
}

/// An image of MNIST is dark for three quarters; a trace has about ten points.
task::Array invented_array(const std::string& name, std::size_t pixels, base::RandomStream& random) {
  task::Array array{name, {}};
  const bool image = name.ends_with("input");
  for (std::size_t n = image ? pixels : 5 + random.below(10); n > 0; --n)
    array.values.push_back(image && random.below(4) > 0 ? 0 : static_cast<double>(random.below(256)) / 255);
  return array;
}

/// Networks leave a part file, of 64 KiB; only those of solves have rows of /networks beside them.
task::PartFile write_part(const std::filesystem::path& directory, const task::TaskSpec& spec) {
  const auto temporary = store::temporary_part_path(directory, spec.key, {1});
  h5::File file = h5::File::create(temporary);
  file.root().write_array("layer_0/weight", std::vector<float>(std::size_t{1} << 14, 0.5F), {1 << 7, 1 << 7});
  file.close();
  return store::publish_part(directory, temporary, spec.key);
}

task::Outcome invented_outcome(const std::filesystem::path& directory, const task::Stage& stage, const task::TaskSpec& spec,
                               std::size_t pixels) {
  base::RandomStream random(spec.derived_seed(), "outcome");
  task::Outcome outcome{.key = spec.key,
                        .attempt = {1},
                        .kind = task::OutcomeKind::done,
                        .rank = 1,
                        .host = "node1",
                        .started = 1.7e9,
                        .wall_seconds = 1,
                        .cpu_seconds = 1};
  for (const task::Field& field : stage.columns()) outcome.values.set(field.name, invented(field, random));
  for (const task::Field& field : stage.arrays()) outcome.arrays.push_back(invented_array(field.name, pixels, random));
  if (stage.kind() != "solve") outcome.part = write_part(directory, spec);
  return outcome;
}

task::StageRegistry all_stages() { return stages::make_stages(std::make_shared<stages::Environment>(stages::Environment::Options{})); }

plan::Plan plan_of(const config::Experiment& experiment, const studies::Registry& studies, const task::StageRegistry& stages) {
  return plan::make_plan(experiment, studies.find(experiment.study).pipeline(), stages);
}

void write(const std::filesystem::path& config, const std::filesystem::path& directory) {
  const task::StageRegistry stages = all_stages();
  const studies::Registry studies = studies::built_in();
  const config::Experiment experiment = config::load_experiment(config, studies::config_studies(studies));
  const plan::Plan plan = plan_of(experiment, studies, stages);
  auto output = store::OutputDirectory::open(directory, {config::to_yaml(experiment), plan.fingerprint, {}}, store::OpenMode::fresh);
  output.append(store::run_started({{"workers", "1"}, {"study", experiment.study}}));
  for (const task::PlannedTask& planned : plan.graph.tasks) {
    const std::int64_t side = planned.spec.parameters.integer("dataset_side");
    output.append(invented_outcome(directory, stages.find(planned.spec.kind), planned.spec, static_cast<std::size_t>(side * side)));
    if (output.unsynced() >= 1000) output.sync();
  }
  output.append(store::run_ended("complete"));
  output.sync();
  fmt::print("{} tasks, journal of {} MiB\n", plan.graph.tasks.size(), std::filesystem::file_size(output.journal_path()) >> 20);
}

void build(const std::filesystem::path& directory) {
  const base::Stopwatch watch;
  const task::StageRegistry stages = all_stages();
  const store::RunIdentity identity = store::OutputDirectory::inspect(directory).identity();
  const studies::Registry studies = studies::built_in();
  const plan::Plan plan =
      plan_of(config::parse_experiment(identity.configuration, "plan.yaml", studies::config_studies(studies)), studies, stages);
  auto output = store::OutputDirectory::open(directory, identity);
  const double ready = watch.wall_seconds();
  const store::ResultCounts counts = store::build_results(output, stages, plan.graph);
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  fmt::print("{} tasks done: {:.1f} s to read plan and journal, {:.1f} s to build {} MiB; at most {} MiB resident\n", counts.done, ready,
             watch.wall_seconds() - ready, std::filesystem::file_size(output.results_path()) >> 20, usage.ru_maxrss >> 10);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::string mode = argc > 1 ? argv[1] : "";
    if (mode == "write" && argc == 4)
      write(argv[2], argv[3]);
    else if (mode == "build" && argc == 3)
      build(argv[2]);
    else
      throw std::runtime_error("usage: results_build write CONFIG DIR | results_build build DIR");
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
  return 0;
}
