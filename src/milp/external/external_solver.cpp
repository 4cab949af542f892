#include "milp/external/external_solver.hpp"

#include <stdlib.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>

#include "espalier/base/error.hpp"
#include "espalier/base/file.hpp"
#include "espalier/milp/mps.hpp"
#include "milp/external/process.hpp"
#include "milp/external/solution_file.hpp"
#include "milp/incumbents.hpp"

namespace espalier::milp {
namespace {

using base::ErrorKind;
using base::fail;
namespace fs = std::filesystem;

struct Preset {
  const char* name;
  const char* command;
};
// Scaling makes Cbc prove wrong optima (tests/upstream/cbc_wrong_optimum). Its preprocessing calls some feasible models infeasible
// (tests/upstream/cbc_infeasible_claim), which a caller that knows a point can refute; without it Cbc crashes on some infeasible ones.
constexpr Preset presets[] = {
    {"cbc", "cbc {model} scaling off timeMode elapsed increment 1e-7 seconds {seconds} solve solution {solution}"},
    {"glpsol", "glpsol --freemps {model} --tmlim {seconds} --write {solution}"},
};

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (fs::temp_directory_path() / "espalier-milp-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) fail(ErrorKind::io, "cannot make the directory '{}': {}", pattern, std::strerror(errno));
    path_ = pattern;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) text.replace(at, from.size(), to);
}

/// Whole seconds, at least 1, and few enough for a solver that counts milliseconds in 32 bits. Rounded down: it wants to write its
/// solution.
std::string seconds_text(double limit) { return std::to_string(static_cast<long>(std::clamp(limit, 1.0, 2e6))); }

std::string tail(std::string text) {
  constexpr std::size_t length = 600;
  text.erase(text.find_last_not_of(" \n\r\t") + 1);
  return text.size() <= length ? text : "..." + text.substr(text.size() - length);
}

class ExternalSolver final : public Solver {
 public:
  ExternalSolver(std::string name, const std::string& command) : name_(std::move(name)), words_(split_command(command)) {
    for (const char* placeholder : {"{model}", "{solution}"})
      if (command.find(placeholder) == std::string::npos)
        fail(ErrorKind::configuration, "solver '{}': a command line with {} in it is expected, as '{}'", name_, placeholder,
             presets[0].command);
  }
  std::string name() const override { return name_; }
  std::string version() const override { return "unknown"; }
  bool reports_incumbents() const override { return false; }

 private:
  Result do_solve(const Model& model, const SolveOptions& options) const override;
  std::vector<std::string> arguments(const fs::path& model, const fs::path& solution, double seconds) const;
  std::string name_;
  std::vector<std::string> words_;
};

std::vector<std::string> ExternalSolver::arguments(const fs::path& model, const fs::path& solution, double seconds) const {
  std::vector<std::string> result = words_;
  for (std::string& word : result) {
    replace_all(word, "{model}", model.string());
    replace_all(word, "{solution}", solution.string());
    replace_all(word, "{seconds}", seconds_text(seconds));
  }
  return result;
}

/// What the file claims becomes the result as it is: the bound is the optimum that the file states, never the value of a point that we
/// knew. Solver::solve() holds it against the points.
void conclude(const Model& model, const SolveOptions& options, const SolutionFile& file, const IncumbentRecorder& recorder,
              Result& result) {
  Termination& termination = result.termination;
  termination = file.termination;
  if (termination.reason == Reason::infeasible) result.dual_bound = worst_value(model.sense());
  if (termination.reason != Reason::optimal) return;
  result.dual_bound = file.objective.value();
  if (!recorder.rejection().empty()) {
    termination = {.reason = Reason::error, .detail = recorder.rejection()};
  } else if (!file.x) {
    termination = {.reason = Reason::error, .detail = "an optimum without a point: " + termination.detail};
  } else if (const double value = model.objective_value(*file.x); !claims_agree(result.dual_bound, value)) {
    termination = {.reason = Reason::error,
                   .detail = fmt::format("the solver claims an optimum of {:.9g}, but its point has {:.9g}: {}", result.dual_bound, value,
                                         termination.detail)};
  } else if (!recorder.best() && options.cutoff) {
    termination = {.reason = Reason::limit, .limit = Limit::cutoff, .detail = termination.detail + ": not better than the cutoff"};
  }
}

/// The point in the file of a program that was ended, which may be cut off anywhere.
std::optional<std::vector<double>> point_in(const Model& model, const fs::path& solution) {
  try {
    if (fs::exists(solution)) return parse_solution(model, base::read_file(solution), "").x;
  } catch (const base::Error&) {
  }
  return std::nullopt;
}

Result ExternalSolver::do_solve(const Model& model, const SolveOptions& options) const {
  if (options.node_limit >= 0)
    fail(ErrorKind::configuration, "no node limit is expected for an external solver, found {}", options.node_limit);
  IncumbentRecorder recorder(model, options);
  Result result;
  result.dual_bound = -worst_value(model.sense());
  if (!options.start.empty()) recorder.offer(options.start);
  const TemporaryDirectory directory;
  const fs::path solution = directory.path() / "solution.txt";
  const fs::path output = options.log_file.empty() ? directory.path() / "output.txt" : options.log_file;
  const base::Stopwatch& watch = recorder.watch();
  if (!write_mps_file(model, directory.path() / "model.mps", base::Budget(options.time_limit, [&] { return recorder.stop_wanted(); }))) {
    result.termination = {.reason = Reason::limit, .limit = Limit::time, .detail = "the time was over before the model was written"};
    if (const auto termination = caller_termination(recorder, recorder.stop_wanted())) result.termination = *termination;
    result.incumbent = recorder.best();
    return result;
  }
  const auto output_before = fs::exists(output) ? fs::file_size(output) : 0;

  const double left = options.time_limit - watch.wall_seconds(), late = std::max(0.05, 0.01 * options.time_limit);
  const ProcessResult process =
      run_process(arguments(directory.path() / "model.mps", solution, left), output,
                  {.seconds = left + late, .term_to_kill = std::clamp(late, 0.1, 2.0)}, [&] { return recorder.stop_wanted(); });
  const std::string printed = base::read_file(output).substr(output_before);
  if (process.timed_out) {
    result.termination = {.reason = Reason::limit, .limit = Limit::time, .detail = "ended at the time limit"};
    if (const auto x = point_in(model, solution)) recorder.offer(*x);
  } else if (process.signal != 0 && !process.stopped) {
    fail(ErrorKind::solver, "'{}' was ended by signal {} ({}); it printed: {}", words_[0], process.signal, ::strsignal(process.signal),
         tail(printed));
  } else if (process.exit_code != 0 && !process.stopped) {
    fail(ErrorKind::solver, "'{}' returned {}; it printed: {}", words_[0], process.exit_code, tail(printed));
  } else if (!process.stopped) {
    if (!fs::exists(solution)) fail(ErrorKind::solver, "'{}' wrote no solution file; it printed: {}", words_[0], tail(printed));
    const SolutionFile file = parse_solution(model, base::read_file(solution), printed);
    if (file.x) recorder.offer(*file.x);
    conclude(model, options, file, recorder, result);
  }
  if (const auto termination = caller_termination(recorder, recorder.stop_wanted())) result.termination = *termination;
  result.incumbent = recorder.best();
  return result;
}

/// What a short name stands for; any other command is itself.
std::string command_line(const std::string& command) {
  for (const Preset& preset : presets)
    if (command == preset.name) return preset.command;
  return command;
}

}  // namespace

std::unique_ptr<Solver> make_external_solver(const std::string& command) {
  return std::make_unique<ExternalSolver>("external:" + command, command_line(command));
}

void require_external_program(const std::string& command) {
  const std::vector<std::string> words = split_command(command_line(command));
  if (words.empty() || !is_program(words[0]))
    fail(ErrorKind::configuration, "solver 'external:{}': a program that can be started is expected, found no '{}'{}", command,
         words.empty() ? "" : words[0], !words.empty() && words[0].find('/') != std::string::npos ? "" : " in PATH");
}

}  // namespace espalier::milp
