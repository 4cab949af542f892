#include "app/solve_child.hpp"

#include <cmath>

#include "espalier/base/error.hpp"
#include "espalier/engine/solve.hpp"
#include "espalier/problem/file.hpp"

namespace espalier::app {

namespace {

using Json = nlohmann::ordered_json;

/// JSON has no NaN and no infinity: they become null.
Json number(std::optional<double> value) { return value && std::isfinite(*value) ? Json(*value) : Json(nullptr); }

/// What exact compression removed, layer by layer of the network as it was; null if it was not asked for.
Json compression(const engine::SolveResult& result) {
  if (!result.compression) return nullptr;
  Json layers = Json::array();
  for (const prune::CompressedLayer& layer : result.compression->layers)
    layers.push_back(
        {{"off", layer.off}, {"constant", layer.constant}, {"unread", layer.unread}, {"linear", layer.linear}, {"folded", layer.folded}});
  return {{"layers", layers}, {"slack", number(result.compression->smallest_slack)}, {"deviation", result.compression->deviation}};
}

std::string bytes_of(const Json& json) {
  const std::vector<std::uint8_t> bytes = Json::to_cbor(json);
  return {bytes.begin(), bytes.end()};
}

Json list_problems(const std::string& file) {
  try {
    return {{"names", problem::problem_names(file)}};
  } catch (const base::Error& error) {
    return {{"error", error.what()}};
  }
}

Json solve_problem(const SolveJob& job, const SolveRequest& request, const sandbox::Inside& inside) {
  engine::SolveSettings settings = job.settings;
  nn::Rounding rounded;
  std::optional<double> rounding;
  Json last = solve_row(job, request, {.limit = "none"});
  const auto publish = [&](const engine::SolveResult& so_far) {
    last = solve_row(job, request, so_far, rounding);
    inside.publish(bytes_of(last));
  };
  settings.stop_requested = inside.stop_requested;
  settings.on_incumbent = publish;
  try {
    const problem::Problem problem = problem::read_problem(job.files[request.file], request.name, job.round_weights ? &rounded : nullptr);
    if (job.round_weights) rounding = rounded.largest_change;
    publish({.status = engine::Status::limit, .reason = "running", .limit = "none"});
    engine::SolveResult result = engine::solve(problem, settings);
    if (result.reason == "stopped" && !inside.limit_reached().empty()) {
      result.reason = "limit";
      result.limit = inside.limit_reached();
    }
    return solve_row(job, request, result, rounding);
  } catch (const base::Error& error) {  // this problem's defect: the others are solved, and what was verified of this one is kept
    last["status"] = engine::to_string(engine::Status::error);
    last["reason"] = base::to_string(error.kind());
    last["detail"] = error.what();
    return last;
  }
}

}  // namespace

std::string to_bytes(const SolveRequest& request) { return bytes_of({{"file", request.file}, {"name", request.name}}); }
Json from_bytes(std::string_view bytes) { return Json::from_cbor(bytes.begin(), bytes.end()); }

Json solve_row(const SolveJob& job, const SolveRequest& request, const engine::SolveResult& result, std::optional<double> rounding) {
  const engine::SolveSettings& settings = job.settings;
  return {{"file", job.files[request.file]},
          {"problem", request.name},
          {"solver", settings.solver},
          {"formulation", settings.formulation},
          {"bounds", settings.bounds},
          {"goal", std::string(engine::to_string(settings.goal))},
          {"status", std::string(engine::to_string(result.status))},
          {"reason", result.reason},
          {"limit", result.limit},
          {"detail", result.detail},
          {"cut_short", result.cut_short},
          {"claimed_objective", number(result.claimed_objective)},
          {"verified_objective", number(result.verified_objective)},
          {"verified_objective_float32", number(result.verified_objective_float32)},
          {"distance", number(result.distance)},
          {"dual_bound", number(result.dual_bound)},
          {"proved_by", result.proved_by},
          {"proof_seconds", result.proof_seconds},
          {"proved_bound", number(result.proved_bound)},
          {"nodes", result.nodes},
          {"seconds", result.total_seconds},
          {"bounds_seconds", result.bounds_seconds},
          {"embed_seconds", result.embed_seconds},
          {"solver_seconds", result.solver_seconds},
          {"attack_seconds", result.attack_seconds},
          {"first_adversarial_seconds", number(result.first_adversarial_seconds)},
          {"cpu_seconds", result.cpu_seconds},
          {"first_adversarial_cpu_seconds", number(result.first_adversarial_cpu_seconds)},
          {"columns", result.size.columns},
          {"rows", result.size.rows},
          {"binaries", result.size.binaries},
          {"unstable_neurons", result.neurons.unstable},
          {"unstable_by_layer", result.unstable_by_layer},
          {"compression", compression(result)},
          {"weight_rounding", number(rounding)}};
}

sandbox::Work solve_work(const SolveJob& job) {
  return {.run = [&job](std::string_view bytes, const sandbox::Inside& inside) {
    const Json json = from_bytes(bytes);
    const SolveRequest request{json["file"].get<std::size_t>(), json["name"].get<std::string>()};
    return bytes_of(request.name.empty() ? list_problems(job.files[request.file]) : solve_problem(job, request, inside));
  }};
}

}  // namespace espalier::app
