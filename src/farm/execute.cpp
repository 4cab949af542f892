#include "farm/execute.hpp"

#include <new>

#include "espalier/base/build_info.hpp"
#include "espalier/base/clock.hpp"
#include "espalier/base/error.hpp"
#include "espalier/farm/run.hpp"
#include "espalier/store/part.hpp"
#include "espalier/task/codec.hpp"

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

/// How the attempt hears of the world and is heard.
struct Hooks {
  std::function<bool()> stop_requested;
  std::function<std::string_view()> limit_reached;
  std::function<void(const task::StageResult&)> publish;
};

void run_stage(const task::Attempt& attempt, const task::StageRegistry& registry, const std::filesystem::path& output_directory,
               const Hooks& hooks, Outcome& outcome) {
  const task::Stage& stage = registry.find(attempt.spec.kind);
  if (stage.schema_version() != attempt.spec.schema_version)
    fail(ErrorKind::internal, "stage '{}': this worker has schema version {}, the plan {}", stage.kind(), stage.schema_version(),
         attempt.spec.schema_version);
  check_inputs(attempt, output_directory);
  const TemporaryFile part{store::temporary_part_path(output_directory, attempt.spec.key, attempt.id)};
  task::StageContext context{.output_directory = output_directory, .part_path = part.path};
  if (hooks.stop_requested) context.stop_requested = hooks.stop_requested;
  if (hooks.limit_reached) context.limit_reached = hooks.limit_reached;
  if (hooks.publish) context.publish = hooks.publish;
  task::StageResult result = stage.run(attempt, context);
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

Outcome blank_outcome(const task::Attempt& attempt) {
  static const std::string host = base::host_name();
  Outcome outcome;
  outcome.key = attempt.spec.key;
  outcome.attempt = attempt.id;
  outcome.host = host;
  outcome.started = base::unix_time();
  return outcome;
}

/// In this process, whichever it is. None if the stage gave up because it was asked to.
std::optional<Outcome> run_here(const task::Attempt& attempt, const task::StageRegistry& registry,
                                const std::filesystem::path& output_directory, const Hooks& hooks) {
  Outcome outcome = blank_outcome(attempt);
  const base::Stopwatch watch;
  const base::Seconds cpu_before = base::thread_cpu_time();
  try {
    run_stage(attempt, registry, output_directory, hooks, outcome);
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

}  // namespace

sandbox::Work stage_work(const task::StageRegistry& registry, const std::filesystem::path& output_directory) {
  return {.prepare =
              [&registry, output_directory](std::string_view request) {
                const task::Attempt attempt = task::decode_attempt(request);
                check_inputs(attempt, output_directory);  // a damaged file must not end the server
                registry.find(attempt.spec.kind).prepare(attempt, output_directory);
              },
          .run =
              [&registry, output_directory](std::string_view request, const sandbox::Inside& inside) {
                const task::Attempt attempt = task::decode_attempt(request);
                const auto publish = [&](const task::StageResult& result) {
                  inside.publish(task::encode(Outcome{.values = result.values, .arrays = result.arrays}));
                };
                const auto outcome = run_here(attempt, registry, output_directory, {inside.stop_requested, inside.limit_reached, publish});
                return outcome ? task::encode(*outcome) : std::string();
              }};
}

namespace {

/// What a dead process leaves becomes the result if it died of a limit of time.
void conclude(const sandbox::Report& report, Outcome& outcome) {
  const bool late = report.end == sandbox::End::time || report.end == sandbox::End::cpu;
  if (!late || !report.partial) set_failure(outcome, late ? "timeout" : sandbox::to_string(report.end), report.message);
}

/// The last published result, where there is no other.
void add_partial(const task::Stage& stage, const sandbox::Report& report, Outcome& outcome) {
  Outcome published = task::decode_outcome(*report.partial);
  task::StageResult partial{std::move(published.values), std::move(published.arrays)};
  const bool failed = outcome.kind == OutcomeKind::failed;
  stage.cut_short(partial, {.cause = failed ? outcome.error_kind : std::string(sandbox::to_string(report.end)),
                            .message = failed ? outcome.message : report.message,
                            .wall_seconds = report.wall_seconds});
  check_result(stage, partial);
  outcome.values = std::move(partial.values);
  outcome.arrays = std::move(partial.arrays);
}

std::optional<Outcome> run_in_child(const task::Attempt& attempt, const Workplace& place, const task::ResourceLimits& limits,
                                    const std::function<bool()>& stop_requested) {
  Outcome outcome = blank_outcome(attempt);
  std::filesystem::create_directories(place.output_directory / "log");
  const std::filesystem::path log = place.output_directory / "log" / (attempt.spec.key.hex() + ".out");
  const sandbox::Report report = place.sandbox->run(task::encode(attempt), limits, log, stop_requested);
  if (report.end == sandbox::End::stopped || (report.end == sandbox::End::finished && report.result.empty())) return std::nullopt;
  try {
    if (report.end == sandbox::End::finished)
      outcome = task::decode_outcome(report.result);
    else
      conclude(report, outcome);
    if (report.partial && (report.end != sandbox::End::finished || outcome.kind == OutcomeKind::failed))
      add_partial(place.registry.find(attempt.spec.kind), report, outcome);
  } catch (const base::Error& e) {
    set_failure(outcome, base::to_string(e.kind()), e.what());
  }
  outcome.wall_seconds = report.wall_seconds;
  outcome.cpu_seconds = report.cpu_seconds;
  outcome.peak_memory_mib = report.peak_memory_mib;
  if (report.log.empty()) return outcome;
  std::error_code ignored;
  if (outcome.kind == OutcomeKind::done)
    std::filesystem::remove(report.log, ignored);
  else
    outcome.message += fmt::format("; what it printed is in '{}'", std::filesystem::relative(log, place.output_directory).string());
  return outcome;
}

}  // namespace

std::optional<Outcome> execute(const task::Attempt& attempt, const Workplace& place, const std::function<bool()>& stop_requested) {
  std::optional<Outcome> outcome;
  const auto& stages = place.registry.all();
  const auto stage = stages.find(attempt.spec.kind);
  const auto limits = place.sandbox != nullptr && stage != stages.end() ? stage->second->limits(attempt) : std::nullopt;
  if (limits) {
    outcome = run_in_child(attempt, place, *limits, stop_requested);
  } else {
    outcome =
        run_here(attempt, place.registry, place.output_directory, {.stop_requested = stop_requested, .limit_reached = {}, .publish = {}});
  }
  if (outcome) outcome->rank = place.rank.value;
  return outcome;
}

}  // namespace espalier::farm
