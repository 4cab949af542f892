#include "app/solve_child.hpp"

#include <cmath>

#include "espalier/base/error.hpp"
#include "espalier/engine/records.hpp"
#include "espalier/engine/solve.hpp"
#include "espalier/problem/file.hpp"

namespace espalier::app {

namespace {

using Json = nlohmann::ordered_json;

/// JSON has no NaN and no infinity: they become null.
struct ValueToJson {
  Json operator()(double value) const { return std::isfinite(value) ? Json(value) : Json(nullptr); }
  Json operator()(const auto& value) const { return value; }
};

/// A row of results calls itself solve_status; a row that is a solve need not.
std::string json_key(const std::string& name) { return name.starts_with("solve_") ? name.substr(6) : name; }

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
  Json row{{"file", job.files[request.file]}, {"problem", request.name}};
  const auto add = [&row](const std::string& name, const task::Value* value) {
    row[json_key(name)] = value != nullptr ? std::visit(ValueToJson(), *value) : Json(nullptr);
  };
  for (const auto& entry : engine::settings_record().entries()) add(entry.field.name, job.given.find(entry.field.name));
  const task::Parameters values = engine::result_record().values(result);
  for (const auto& entry : engine::result_record().entries()) add(entry.field.name, values.find(entry.field.name));
  row["cpu_seconds"] = result.cpu_seconds;
  row["weight_rounding"] = rounding ? Json(*rounding) : Json(nullptr);
  return row;
}

sandbox::Work solve_work(const SolveJob& job) {
  return {.run = [&job](std::string_view bytes, const sandbox::Inside& inside) {
    const Json json = from_bytes(bytes);
    const SolveRequest request{json["file"].get<std::size_t>(), json["name"].get<std::string>()};
    return bytes_of(request.name.empty() ? list_problems(job.files[request.file]) : solve_problem(job, request, inside));
  }};
}

}  // namespace espalier::app
