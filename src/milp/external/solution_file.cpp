#include "milp/external/solution_file.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>

#include "espalier/base/error.hpp"
#include "espalier/milp/mps.hpp"

namespace espalier::milp {
namespace {

using base::ErrorKind;
using base::fail;

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    if (end > 0) parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

[[noreturn]] void damaged(std::size_t line, std::string_view text, std::string_view expected) {
  fail(ErrorKind::solver, "solution file, line {}: {} is expected, found '{}'", line + 1, expected, text.substr(0, 80));
}

double number(std::string_view word, std::size_t line, std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size()) damaged(line, text, "a number");
  return value;
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

Termination limit(Limit limit, std::string_view detail) { return {.reason = Reason::limit, .limit = limit, .detail = std::string(detail)}; }
Termination ended(Reason reason, std::string_view detail) { return {.reason = reason, .detail = std::string(detail)}; }

/// First line of Cbc's file: "Optimal - objective value 1.5", "Stopped on time (no integer solution - continuous used) - objective ...".
Termination cbc_termination(std::string_view first) {
  const std::string_view status = first.substr(0, first.find(" - objective value"));
  if (status.starts_with("Optimal")) return ended(Reason::optimal, status);
  if (status.starts_with("Infeasible") || status.starts_with("Integer infeasible")) return ended(Reason::infeasible, status);
  if (status.starts_with("Unbounded")) return ended(Reason::unbounded, status);
  if (status.starts_with("Stopped on time")) return limit(Limit::time, status);
  if (status.starts_with("Stopped on iterations")) return limit(Limit::iterations, status);
  return ended(Reason::error, status);
}

/// write_mps() makes a minimisation of every model.
double in_sense_of(const Model& model, double minimised) { return model.sense() == Sense::maximise ? -minimised : minimised; }

/// Lines "[**] number name value reduced-cost"; columns that are 0 may be missing.
SolutionFile parse_cbc(const Model& model, const std::vector<std::string_view>& lines) {
  SolutionFile file{.termination = cbc_termination(lines[0]), .x = std::nullopt, .objective = std::nullopt};
  const Reason reason = file.termination.reason;
  if (reason == Reason::optimal) {
    const std::vector<std::string_view> words = split(lines[0], ' ');
    file.objective = in_sense_of(model, number(words.back(), 0, lines[0]));
  }
  if (reason == Reason::infeasible || reason == Reason::unbounded || contains(lines[0], "no integer solution")) return file;
  std::vector<double> x(model.columns().size(), 0.0);
  for (std::size_t i = 1; i < lines.size(); ++i) {
    std::vector<std::string_view> words = split(lines[i], ' ');
    if (!words.empty() && words[0] == "**") words.erase(words.begin());
    if (words.size() < 3) damaged(i, lines[i], "'number name value reduced-cost'");
    const int column = mps_column(words[1]);
    if (column >= static_cast<int>(x.size())) damaged(i, lines[i], "a column of the model");
    if (column >= 0) x[static_cast<std::size_t>(column)] = number(words[2], i, lines[i]);
  }
  file.x = std::move(x);
  return file;
}

/// What glpsol printed when its file says "undefined".
Termination glpk_undefined(std::string_view output) {
  if (contains(output, "TIME LIMIT EXCEEDED")) return limit(Limit::time, "GLPK: time limit exceeded");
  for (const std::string_view text : {"NO PRIMAL FEASIBLE SOLUTION", "NO FEASIBLE SOLUTION", "NO INTEGER FEASIBLE SOLUTION"})
    if (contains(output, text)) return ended(Reason::infeasible, text);
  for (const std::string_view text : {"NO DUAL FEASIBLE SOLUTION", "UNBOUNDED"})
    if (contains(output, text)) return ended(Reason::unbounded, text);
  return ended(Reason::error, "GLPK calls the solution undefined");
}

/// Status letters: o optimal, f feasible, n no feasible point exists, i infeasible point, u undefined.
Termination glpk_termination(std::string_view letters, std::string_view output) {
  const std::string detail = "GLPK solution status " + std::string(letters);
  if (letters == "o" || letters == "ff") return ended(Reason::optimal, detail);
  if (letters.starts_with("n")) return ended(Reason::infeasible, detail);
  if (letters == "fn") return ended(Reason::unbounded, detail);
  if (letters == "f") return limit(Limit::time, detail);
  return glpk_undefined(output);
}

/// "s mip rows columns status objective" or "s bas rows columns primal dual objective", then "j number [status] value ..." for the columns.
/// Comment lines start with c. The numbers count from 1 and follow the order of the MPS file, hence of the model.
SolutionFile parse_glpk(const Model& model, const std::vector<std::string_view>& lines, std::string_view output) {
  SolutionFile file;
  std::vector<double> x(model.columns().size(), 0.0);
  std::string letters;
  double objective = 0;
  bool basic = false;
  bool complete = false;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::vector<std::string_view> words = split(lines[i], ' ');
    if (words[0] == "s") {
      basic = words.size() > 1 && words[1] == "bas";
      if (words.size() < (basic ? 7U : 6U) || (!basic && words[1] != "mip")) damaged(i, lines[i], "'s mip ...' or 's bas ...'");
      letters = basic ? std::string(words[4]) + std::string(words[5]) : std::string(words[4]);
      objective = number(words[basic ? 6 : 5], i, lines[i]);
    } else if (words[0] == "j") {
      if (words.size() < (basic ? 4U : 3U)) damaged(i, lines[i], "'j number value'");
      const double column = number(words[1], i, lines[i]);
      const auto index = static_cast<std::size_t>(column) - 1;
      if (index < x.size()) x[index] = number(words[basic ? 3 : 2], i, lines[i]);
    } else if (words[0] == "e") {
      complete = true;
    } else if (words[0] != "c" && words[0] != "i") {
      damaged(i, lines[i], "a line of GLPK's raw format");
    }
  }
  if (letters.empty() || !complete) damaged(lines.size() - 1, lines.back(), "a complete file ending with 'e o f'");
  file.termination = glpk_termination(letters, output);
  if (letters == "o" || letters == "f" || letters == "ff") file.x = std::move(x);
  if (file.termination.reason == Reason::optimal) file.objective = in_sense_of(model, objective);
  return file;
}

void undo_rounding(const Model& model, std::vector<double>& x) {
  constexpr double tolerance = 1e-5;
  for (std::size_t j = 0; j < x.size(); ++j) {
    const ColumnData& column = model.columns()[j];
    if (column.integer && std::abs(x[j] - std::round(x[j])) <= tolerance) x[j] = std::round(x[j]);
    if (x[j] < column.lower && x[j] >= column.lower - tolerance) x[j] = column.lower;
    if (x[j] > column.upper && x[j] <= column.upper + tolerance) x[j] = column.upper;
  }
}

}  // namespace

SolutionFile parse_solution(const Model& model, std::string_view content, std::string_view output) {
  const std::vector<std::string_view> lines = split(content, '\n');
  if (lines.empty()) fail(ErrorKind::solver, "solution file: a solution is expected, found an empty file");
  SolutionFile file;
  if (lines[0] == "c" || lines[0].starts_with("c ") || lines[0].starts_with("s ")) {
    file = parse_glpk(model, lines, output);
  } else if (contains(lines[0], "objective value")) {
    file = parse_cbc(model, lines);
  } else {
    damaged(0, lines[0], "a solution as Cbc ('Optimal - objective value ...') or GLPK ('c Problem: ...') writes it");
  }
  if (file.x) undo_rounding(model, *file.x);
  return file;
}

}  // namespace espalier::milp
