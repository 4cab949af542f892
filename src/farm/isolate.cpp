// Attempts in a process of their own: what the child is told, what it does, and what its end means.
#include <cstring>

#include "espalier/base/error.hpp"
#include "espalier/farm/run.hpp"
#include "espalier/task/codec.hpp"
#include "farm/execute.hpp"

namespace espalier::farm {

using task::Outcome;
using task::OutcomeKind;

namespace {

/// What a child is told.
struct Request {
  task::Attempt attempt;
  std::filesystem::path output_directory;  ///< known to the rank only when it has joined the run, long after the server was forked
  std::vector<task::Array> payload;
};

void append_sized(std::string& bytes, const std::string& part) {
  const std::uint64_t size = part.size();
  bytes.append(reinterpret_cast<const char*>(&size), sizeof size).append(part);
}

std::string_view take_sized(std::string_view& bytes) {
  std::uint64_t size = 0;
  std::memcpy(&size, bytes.data(), sizeof size);
  const std::string_view part = bytes.substr(sizeof size, size);
  bytes.remove_prefix(sizeof size + size);
  return part;
}

std::string encode(const Request& request) {
  std::string bytes;
  append_sized(bytes, task::encode(request.attempt));
  append_sized(bytes, request.output_directory.native());
  append_sized(bytes, task::encode(Outcome{.arrays = request.payload}));
  return bytes;
}

Request decode_request(std::string_view bytes) {
  Request request;
  request.attempt = task::decode_attempt(take_sized(bytes));
  request.output_directory = take_sized(bytes);
  request.payload = task::decode_outcome(take_sized(bytes)).arrays;
  return request;
}

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

}  // namespace

sandbox::Work stage_work(const task::StageRegistry& registry) {
  const auto run = [&registry](std::string_view request, const sandbox::Inside& inside) {
    Request told = decode_request(request);
    const auto publish = [&](const task::StageResult& result) {
      inside.publish(task::encode(Outcome{.values = result.values, .arrays = result.arrays}));
    };
    Outcome outcome = blank_outcome(told.attempt);
    const bool ended = guarded(outcome, [&] {
      run_stage(told.attempt, registry, told.output_directory,
                {.payload = std::move(told.payload),
                 .stop_requested = inside.stop_requested,
                 .limit_reached = inside.limit_reached,
                 .publish = publish},
                outcome);
    });
    return ended ? task::encode(outcome) : std::string();
  };
  const auto prepare = [&registry](std::string_view request) {
    const Request told = decode_request(request);
    check_inputs(told.attempt, told.output_directory);  // a damaged file must not end the server
    registry.find(told.attempt.spec.kind).prepare(told.attempt, told.output_directory);
  };
  return {.run = run, .prepare = prepare};
}

std::optional<Outcome> run_in_child(const task::Attempt& attempt, const ExecutionContext& place, const task::ResourceLimits& limits,
                                    const std::vector<task::Array>& payload, const std::function<bool()>& stop_requested) {
  Outcome outcome = blank_outcome(attempt);
  const bool keeps_logs = !place.output_directory.empty();
  if (keeps_logs) base::make_directories(place.output_directory / "log");
  const std::string log = "log/" + attempt.spec.key.hex() + ".out";
  const bool shares = place.registry.find(attempt.spec.kind).leaves_no_trace(attempt);
  const sandbox::Report report = place.sandbox->run(encode(Request{attempt, place.output_directory, payload}), limits,
                                                    keeps_logs ? place.output_directory / log : std::filesystem::path(), stop_requested,
                                                    shares ? sandbox::Process::shared : sandbox::Process::own);
  if (report.end == sandbox::End::stopped || (report.end == sandbox::End::finished && report.result.empty())) return std::nullopt;
  if (report.end == sandbox::End::finished)
    outcome = task::decode_outcome(report.result);
  else
    conclude(report, outcome);
  if (report.partial && (report.end != sandbox::End::finished || outcome.kind == OutcomeKind::failed))
    guarded(outcome, [&] { add_partial(place.registry.find(attempt.spec.kind), report, outcome); });
  outcome.wall_seconds = report.wall_seconds;
  outcome.cpu_seconds = report.cpu_seconds;
  outcome.peak_memory_mib = report.peak_memory_mib;
  if (report.log.empty()) return outcome;
  std::error_code ignored;
  if (outcome.kind == OutcomeKind::done && report.end == sandbox::End::finished)
    std::filesystem::remove(report.log, ignored);
  else if (outcome.kind == OutcomeKind::failed)
    outcome.message += fmt::format("; what it printed is in '{}'", log);
  return outcome;
}

}  // namespace espalier::farm
