#include "farm/execute.hpp"

#include <new>
#include <system_error>

#include "espalier/base/build_info.hpp"
#include "espalier/base/clock.hpp"
#include "espalier/base/error.hpp"
#include "espalier/farm/run.hpp"
#include "espalier/farm/stop.hpp"
#include "espalier/store/part.hpp"

namespace espalier::farm {

using base::ErrorKind;
using base::fail;
using task::Outcome;
using task::OutcomeKind;

namespace {

/// Removed on every way out; publishing has moved it away by then.
struct TemporaryFile {
  std::filesystem::path path;
  ~TemporaryFile() {
    std::error_code ignored;
    if (!path.empty()) std::filesystem::remove(path, ignored);
  }
};

}  // namespace

void check_inputs(const task::Attempt& attempt, const std::filesystem::path& output_directory) {
  for (std::size_t i = 0; i < attempt.inputs.size(); ++i) {
    if (attempt.inputs[i].name.empty()) continue;
    if (const std::string problem = store::check_part(output_directory, attempt.inputs[i]); !problem.empty())
      fail(ErrorKind::io, "input {} of {}: {}", i, attempt.inputs.size(), problem);
  }
}

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

void run_stage(const task::Attempt& attempt, const task::StageRegistry& registry, const std::filesystem::path& output_directory,
               task::StageContext context, Outcome& outcome) {
  const task::Stage& stage = registry.find(attempt.spec.kind);
  if (stage.schema_version() != attempt.spec.schema_version)
    fail(ErrorKind::internal, "stage '{}': this worker has schema version {}, the plan {}", stage.kind(), stage.schema_version(),
         attempt.spec.schema_version);
  check_inputs(attempt, output_directory);
  TemporaryFile part;
  if (!output_directory.empty() && stage.leaves_part())
    part.path = store::temporary_part_path(output_directory, attempt.spec.key, attempt.id);
  context.output_directory = output_directory;
  context.part_path = part.path;
  task::StageResult result = stage.run(attempt, context);
  check_result(stage, result);
  if (!part.path.empty() && std::filesystem::exists(part.path))
    outcome.part = store::publish_part(output_directory, part.path, attempt.spec.key);
  outcome.values = std::move(result.values);
  outcome.arrays = std::move(result.arrays);
}

void set_failure(Outcome& outcome, std::string_view kind, std::string message) {
  outcome.kind = OutcomeKind::failed;
  outcome.error_kind = kind;
  outcome.message = std::move(message);
}

Outcome blank_outcome(const task::Attempt& attempt) {
  static const std::string host = base::host_name();
  Outcome outcome;
  outcome.key = attempt.spec.key;
  outcome.attempt = attempt.id;
  outcome.host = host;
  outcome.started = base::unix_time();
  return outcome;
}

bool guarded(Outcome& outcome, const std::function<void()>& body) {
  try {
    body();
  } catch (const task::StageStopped&) {
    return false;
  } catch (const sandbox::ServerLost&) {
    throw;
  } catch (const base::Error& e) {
    set_failure(outcome, base::to_string(e.kind()), e.what());
  } catch (const std::bad_alloc&) {
    set_failure(outcome, "memory", "out of memory (std::bad_alloc)");
  } catch (const std::system_error& e) {
    set_failure(outcome, base::to_string(ErrorKind::io), e.what());
  } catch (const std::exception& e) {
    set_failure(outcome, "exception", e.what());
  } catch (...) {
    set_failure(outcome, "exception", "something that is no std::exception was thrown");
  }
  return true;
}

std::optional<Outcome> execute(const task::Attempt& attempt, const ExecutionContext& place, const std::function<bool()>& stop_requested) {
  std::optional<Outcome> outcome = blank_outcome(attempt);
  bool in_child = false;
  const base::Stopwatch watch;
  const base::Seconds cpu_before = base::thread_cpu_time();
  const bool ended = guarded(*outcome, [&] {
    const task::Stage& stage = place.registry.find(attempt.spec.kind);
    std::vector<task::Array> payload = stage.payload(attempt);
    const auto limits = place.sandbox != nullptr ? stage.limits(attempt) : std::nullopt;
    in_child = limits.has_value();
    if (in_child)
      outcome = run_in_child(attempt, place, *limits, payload, stop_requested);
    else
      run_stage(attempt, place.registry, place.output_directory, {.payload = std::move(payload), .stop_requested = stop_requested},
                *outcome);
  });
  if (!ended || !outcome) return std::nullopt;
  outcome->rank = place.rank.value;
  if (in_child) return outcome;
  outcome->wall_seconds = watch.wall_seconds();
  // Stages are single-threaded; the process's other threads (MPI, the master of a run alone) are not theirs.
  outcome->cpu_seconds = (base::thread_cpu_time() - cpu_before).count();
  return outcome;
}

std::optional<Outcome> run_attempt(const task::Attempt& attempt, const task::StageRegistry& registry, sandbox::Sandbox& sandbox) {
  const std::filesystem::path none;
  return execute(attempt, {.registry = registry, .output_directory = none, .rank = base::Rank{0}, .sandbox = &sandbox}, stop_requested);
}

}  // namespace espalier::farm
