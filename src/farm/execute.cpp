#include "farm/execute.hpp"

#include <new>

#include "espalier/base/build_info.hpp"
#include "espalier/base/clock.hpp"
#include "espalier/base/error.hpp"
#include "espalier/store/part.hpp"

namespace espalier::farm {

using base::ErrorKind;
using base::fail;
using task::Outcome;
using task::OutcomeKind;

namespace {

void check_inputs(const task::Attempt& attempt, const std::filesystem::path& output_directory) {
  for (std::size_t i = 0; i < attempt.inputs.size(); ++i) {
    if (attempt.inputs[i].name.empty()) continue;
    if (const std::string problem = store::check_part(output_directory, attempt.inputs[i]); !problem.empty())
      fail(ErrorKind::data, "input {} of {}: {}", i, attempt.inputs.size(), problem);
  }
}

/// A stage that returns what it has not declared would break the result tables much later: it fails now.
void check_result(const task::Stage& stage, const task::StageResult& result) {
  for (const auto& [name, value] : result.values.map()) {
    const task::Field* column = task::find_field(stage.columns(), name);
    if (!column) fail(ErrorKind::internal, "stage '{}' returned '{}', which is none of its columns", stage.kind(), name);
    const bool integer_for_real = column->type == task::ValueType::real && task::type_of(value) == task::ValueType::integer;
    if (column->type != task::type_of(value) && !integer_for_real)
      fail(ErrorKind::internal, "stage '{}', column '{}': expected {}, found {} '{}'", stage.kind(), name, task::to_string(column->type),
           task::to_string(task::type_of(value)), task::to_text(value));
  }
  for (const task::Array& array : result.arrays)
    if (!task::find_field(stage.arrays(), array.name))
      fail(ErrorKind::internal, "stage '{}' returned the array '{}', which is none of its arrays", stage.kind(), array.name);
}

/// Removed on every way out; publishing has moved it away by then.
struct TemporaryFile {
  std::filesystem::path path;
  ~TemporaryFile() {
    std::error_code ignored;
    if (!path.empty()) std::filesystem::remove(path, ignored);
  }
};

void run_stage(const task::Attempt& attempt, const task::StageRegistry& registry, const std::filesystem::path& output_directory,
               std::function<bool()> stop_requested, Outcome& outcome) {
  const task::Stage& stage = registry.find(attempt.spec.kind);
  if (stage.schema_version() != attempt.spec.schema_version)
    fail(ErrorKind::internal, "stage '{}': this worker has schema version {}, the plan {}", stage.kind(), stage.schema_version(),
         attempt.spec.schema_version);
  check_inputs(attempt, output_directory);
  const TemporaryFile part{store::temporary_part_path(output_directory, attempt.spec.key, attempt.id)};
  task::StageResult result = stage.run(attempt, {output_directory, part.path, std::move(stop_requested)});
  check_result(stage, result);
  if (std::filesystem::exists(part.path)) outcome.part = store::publish_part(output_directory, part.path, attempt.spec.key);
  outcome.values = std::move(result.values);
  outcome.arrays = std::move(result.arrays);
}

void set_failure(Outcome& outcome, std::string_view kind, std::string message) {
  outcome.kind = OutcomeKind::failed;
  outcome.error_kind = kind;
  outcome.message = std::move(message);
}

}  // namespace

std::optional<Outcome> execute(const task::Attempt& attempt, const task::StageRegistry& registry,
                               const std::filesystem::path& output_directory, base::Rank rank, std::function<bool()> stop_requested) {
  static const std::string host = base::host_name();
  Outcome outcome;
  outcome.key = attempt.spec.key;
  outcome.attempt = attempt.id;
  outcome.rank = rank.value;
  outcome.host = host;
  outcome.started = base::unix_time();
  const base::Stopwatch watch;
  const base::Seconds cpu_before = base::thread_cpu_time();
  try {
    run_stage(attempt, registry, output_directory, std::move(stop_requested), outcome);
  } catch (const task::StageStopped&) {
    return std::nullopt;
  } catch (const base::Error& e) {
    set_failure(outcome, base::to_string(e.kind()), e.what());
  } catch (const std::bad_alloc&) {
    set_failure(outcome, "memory", "out of memory (std::bad_alloc)");
  } catch (const std::exception& e) {
    set_failure(outcome, "exception", e.what());
  } catch (...) {
    set_failure(outcome, "exception", "something that is no std::exception was thrown");
  }
  outcome.wall_seconds = watch.wall_seconds();
  // Stages are single-threaded; the process's other threads (MPI, the master of a run alone) are not theirs.
  outcome.cpu_seconds = (base::thread_cpu_time() - cpu_before).count();
  return outcome;
}

}  // namespace espalier::farm
