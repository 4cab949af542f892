#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/exit_codes.hpp"
#include "app/schema_options.hpp"
#include "app/solve_child.hpp"
#include "app/surroundings.hpp"
#include "espalier/base/text.hpp"
#include "espalier/engine/records.hpp"
#include "espalier/engine/solve.hpp"
#include "espalier/sandbox/sandbox.hpp"

namespace espalier::app {

namespace {

using Json = nlohmann::ordered_json;

struct SolveOptions {
  std::vector<std::string> files;
  std::vector<std::string> problems;
  task::Parameters settings;  ///< see solve_schema()
  double cpu_limit = 0;
  double memory_limit = 8192;
  double kill_grace = 0;
  std::string log_file;
  bool round_weights = false;
  bool json = false;
};

/// What a user may choose of a solve whose network is given: there is no surrogate.
task::Schema solve_schema() {
  task::Schema schema = engine::settings_record().parameters("");
  std::erase_if(schema, [](const task::Field& field) { return field.name == "on_success" || field.name == "protocol"; });
  return schema;
}

std::string cell(const Json& value, int digits) {
  return value.is_number() ? fmt::format("{:.{}f}", value.get<double>(), digits) : std::string("-");
}

void print_row(const Json& row, bool several_files) {
  const std::string name = row["problem"].get<std::string>();
  fmt::print("{:<28} {:<15} {:>14} {:>14} {:>14} {:>9} {:>9} {:>10}\n",
             base::printable(several_files ? row["file"].get<std::string>() + ":" + name : name), row["status"].get<std::string>(),
             cell(row["claimed_objective"], 6), cell(row["verified_objective"], 6), cell(row["dual_bound"], 6),
             row["nodes"].get<std::int64_t>(), cell(row["seconds"], 2), cell(row["first_adversarial_seconds"], 3));
  if (row["status"] == "error" || row["reason"] == "unconfirmed")
    fmt::print("  {}: {}\n", row["reason"].get<std::string>(), base::printable(row["detail"].get<std::string>(), true));
  if (const Json& rounding = row["weight_rounding"]; rounding.is_number() && rounding.get<double>() > 0)
    fmt::print("  weights were rounded to float32, by {:.3g} at most\n", rounding.get<double>());
}

/// JSON is UTF-8: a name that is not is written as print_row() shows it, any other text with replacement characters.
void print_json(Json row) {
  for (const char* key : {"file", "problem"})
    if (const auto text = row[key].get<std::string>(); !base::is_utf8(text)) row[key] = base::printable(text);
  std::cout << row.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
}

/// The last row that a child published before it was killed or crashed; without one, that of a solve that found nothing.
Json cut_short(const sandbox::Report& report, const SolveJob& job, const SolveRequest& request) {
  Json row = report.partial ? from_bytes(*report.partial) : solve_row(job, request, {.limit = "none"});
  const bool late = report.end == sandbox::End::time || report.end == sandbox::End::cpu;
  row["status"] = late ? "limit" : "error";
  row["reason"] = late ? "hard_limit" : std::string(sandbox::to_string(report.end));
  if (late) row["limit"] = std::string(sandbox::to_string(report.end));
  row["detail"] = report.log.empty() ? report.message : fmt::format("{}; what it printed is in '{}'", report.message, report.log.string());
  row["seconds"] = report.wall_seconds;
  row["cpu_seconds"] = report.cpu_seconds;
  return row;
}

Json solve(sandbox::Sandbox& sandbox, const SolveJob& job, const SolveRequest& request, std::size_t index, const SolveOptions& options) {
  const task::ResourceLimits limits{.wall_seconds = job.settings.time_limit_seconds,
                                    .grace_seconds = options.kill_grace,
                                    .cpu_seconds = options.cpu_limit,
                                    .memory_mib = options.memory_limit};
  const std::string log = options.log_file.empty() ? "" : fmt::format("{}.{}.out", options.log_file, index);
  const sandbox::Report report = sandbox.run(to_bytes(request), limits, log, {});
  if (report.end != sandbox::End::finished) return cut_short(report, job, request);
  std::error_code ignored;
  if (!report.log.empty()) std::filesystem::remove(report.log, ignored);
  Json row = from_bytes(report.result);
  row["cpu_seconds"] = report.cpu_seconds;  // an external solver's as well
  return row;
}

/// What the files hold. A file that cannot be read is refused before anything is solved.
std::vector<SolveRequest> list(sandbox::Sandbox& sandbox, const SolveJob& job, const SolveOptions& options) {
  std::vector<SolveRequest> all;
  for (std::size_t k = 0; k < job.files.size(); ++k) {
    const sandbox::Report report = sandbox.run(to_bytes({.file = k, .name = ""}), {.memory_mib = options.memory_limit}, {}, {});
    if (report.end != sandbox::End::finished)
      base::fail(base::ErrorKind::data, "'{}' could not be read: the process that read it {}", job.files[k], report.message);
    const Json answer = from_bytes(report.result);
    if (answer.contains("error")) throw base::Error(base::ErrorKind::data, answer["error"].get<std::string>());
    for (const Json& name : answer["names"]) all.push_back({.file = k, .name = name.get<std::string>()});
  }
  return all;
}

/// Those called `names`, stored or printed, in that order. Each must be there.
std::vector<SolveRequest> choose(const std::vector<SolveRequest>& all, const std::vector<std::string>& names) {
  if (names.empty()) return all;
  std::vector<SolveRequest> chosen;
  for (const std::string& name : names) {
    const std::size_t before = chosen.size();
    for (const SolveRequest& request : all)
      if (request.name == name || base::printable(request.name) == name) chosen.push_back(request);
    if (chosen.size() > before) continue;
    std::vector<std::string> present;
    for (const SolveRequest& request : all) present.push_back(request.name);
    base::fail(base::ErrorKind::configuration, "--problem: expected the name of a problem, found '{}'{}; there are {}: {}{}", name,
               base::did_you_mean(name, present), present.size(),
               fmt::join(present.begin(), present.begin() + std::min<long>(20, std::ssize(present)), ", "),
               present.size() > 20 ? ", ..." : "");
  }
  return chosen;
}

int run_solve(const SolveOptions& options) {
  require_descriptors();
  SolveJob job{
      .files = options.files, .round_weights = options.round_weights, .settings = engine::settings_record().from(options.settings, "")};
  job.given = options.settings;
  job.settings.memory_limit_mib = options.memory_limit;
  job.settings.log_file = options.log_file;
  engine::check_settings(job.settings);
  engine::require_program(job.settings);
  std::optional<sandbox::Sandbox> sandbox(std::in_place, solve_work(job));
  const std::vector<SolveRequest> wanted = choose(list(*sandbox, job, options), options.problems);
  if (!options.json)
    fmt::print("{:<28} {:<15} {:>14} {:>14} {:>14} {:>9} {:>9} {:>10}\n", "problem", "status", "claimed", "verified", "dual bound", "nodes",
               "time [s]", "first [s]");
  int errors = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    Json row;
    try {
      row = solve(*sandbox, job, wanted[i], i, options);
    } catch (const sandbox::ServerLost& lost) {  // it costs this problem only
      row = cut_short({.end = sandbox::End::crashed, .message = lost.what()}, job, wanted[i]);
      sandbox.emplace(solve_work(job));
    }
    if (row["status"] == "error") ++errors;
    if (options.json)
      print_json(row);
    else
      print_row(row, job.files.size() > 1);
    flush_output();
  }
  return errors == 0 ? exit_done : exit_some_failed;
}

void add_limits(CLI::App& command, SolveOptions& options) {
  command.add_option("--cpu-limit", options.cpu_limit, "CPU seconds per problem, for machines that others use as well; 0: none")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command.add_option("--memory-limit", options.memory_limit, "MiB of address space for each problem's process; 0: none")
      ->check(CLI::Range(0.0, task::ResourceLimits::largest_memory_mib))
      ->capture_default_str();
  command.add_option("--kill-grace", options.kill_grace, "seconds from the time limit to SIGKILL; 0: max(5, 5 % of the limit)")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
}

}  // namespace

void add_solve(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<SolveOptions>();
  CLI::App* command = program.add_subcommand("solve", "Solve the problems of a file with given networks; nothing is trained");
  command->add_option("PROBLEMS", options->files, "problem files (HDF5)")->required();
  command->add_option("--problem", options->problems, "only this problem (may be repeated)")->allow_extra_args(false);
  add_options(*command, solve_schema(), options->settings);
  add_limits(*command, *options);
  command->add_option("--log", options->log_file, "the solver's own output goes to this file");
  command->add_flag("--round-weights", options->round_weights,
                    "weights that float32 does not hold exactly are rounded to it, and the largest change is told;\n"
                    "without it such a problem is an error");
  command->add_flag("--json", options->json, "one JSON object per problem and line");
  command->footer(
      "Examples:\n  espalier solve problems.h5\n  espalier solve problems.h5 --problem mnist_18_2x24_0 --goal decide --json\n"
      "  espalier solve results/dense/problems/*.h5 --time-limit 60\n"
      "  espalier solve problems.h5 --solver cbc --bounds alpha-crown --start attack\n"
      "  espalier solve problems.h5 --solver cbc --bounds crown --compress\n"
      "  espalier solve problems.h5 --solver attack\n"
      "Every problem is read and solved in a process of its own: one that is malformed or crashes is an error in its row, and the\n"
      "others are solved; the exit code is then 1.");
  command->callback([options, command, &exit_code] {
    keep_what_exists(*command, solve_schema(), options->settings);
    exit_code = run_solve(*options);
  });
}

}  // namespace espalier::app
