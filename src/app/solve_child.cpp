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

Json check_problems(const SolveJob& job) {
  const std::vector<std::string> names = job.names.empty() ? problem::problem_names(job.file) : job.names;
  problem::read_problems(job.file, names);  // all are checked before the first is solved
  return {{"names", names}};
}

Json solve_problem(const SolveJob& job, const std::string& name, const sandbox::Inside& inside) {
  engine::SolveSettings settings = job.settings;
  settings.stop_requested = inside.stop_requested;
  settings.on_incumbent = [&](const engine::SolveResult& so_far) { inside.publish(solve_row(name, settings, so_far).dump()); };
  const std::vector<problem::Problem> problems = problem::read_problems(job.file, std::vector{name});
  inside.publish(solve_row(name, settings, {.status = engine::Status::limit, .reason = "running", .limit = "none"}).dump());
  engine::SolveResult result = engine::solve(problems.front(), settings);
  if (result.reason == "stopped" && !inside.limit_reached().empty()) {
    result.reason = "limit";
    result.limit = inside.limit_reached();
  }
  return solve_row(name, settings, result);
}

}  // namespace

Json solve_row(const std::string& name, const engine::SolveSettings& settings, const engine::SolveResult& result) {
  return {{"problem", name},
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
          {"compression", compression(result)}};
}

sandbox::Work solve_work(const SolveJob& job) {
  return {.run = [&job](std::string_view request, const sandbox::Inside& inside) {
    try {
      return (request.empty() ? check_problems(job) : solve_problem(job, std::string(request), inside)).dump();
    } catch (const base::Error& e) {
      return Json{{"error", static_cast<int>(e.kind())}, {"message", e.what()}}.dump();
    }
  }};
}

}  // namespace espalier::app
