#include "espalier/report/figures.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "espalier/report/text_table.hpp"

namespace espalier::report {

double median(std::vector<double> values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : 0.5 * (values[middle - 1] + values[middle]);
}

std::string number(double value, int digits) { return std::isnan(value) ? "-" : fmt::format("{:.{}f}", value, digits); }

std::string percentage(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? "-" : fmt::format("{:.1f}%", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

void count(Outcomes& outcomes, const std::string& status, const std::string& solve_status, bool adversarial) {
  ++outcomes.solves;
  if (status != "done")
    ++outcomes.failed;
  else if (adversarial)
    ++outcomes.adversarial;
  else if (solve_status == "robust" || solve_status == "optimal")
    ++outcomes.none;
  else if (solve_status == "robust_claimed" || solve_status == "optimal_claimed")
    ++outcomes.claimed;
  else if (solve_status == "surrogate_solved")
    ++outcomes.open;
  else if (solve_status == "limit")
    ++outcomes.limit;
  else if (solve_status == "error")
    ++outcomes.errors;
  else
    ++outcomes.other;
}

std::string outcome_legend(const std::vector<OutcomeColumn>& shown) {
  static const std::map<std::string, std::string> meanings{
      {"found", "a verified adversarial input"},
      {"none", "proved that there is none"},
      {"claimed", "a solver says that there is none, which no check of ours confirms"},
      {"open", "the pruned network was solved to its end without one, which says nothing about the dense network"},
      {"limit", "a limit came first"},
      {"error", "solve_detail says which"},
      {"failed", "no result"},
      {"other", "a status that this version does not know"}};
  std::vector<std::string> parts;
  for (const OutcomeColumn& column : shown)
    if (const auto it = meanings.find(column.title); it != meanings.end()) parts.push_back(it->first + ": " + it->second);
  return fmt::format("{}", fmt::join(parts, "; "));
}

std::string title_of(const std::string& parameter) {
  static const std::map<std::string, std::string> titles{
      {"dataset_name", "data set"},     {"dataset_side", "side"},    {"network_hidden", "hidden"},       {"prune_criterion", "pruning"},
      {"prune_structure", "structure"}, {"prune_rate", "rate"},      {"prune_finetuning", "finetuning"}, {"problem_epsilon", "radius"},
      {"problem_region", "region"},     {"network_file", "network"}, {"problem_file", "file"},           {"solve_goal", "goal"},
      {"solve_solver", "solver"},       {"solve_bounds", "bounds"}};
  const auto it = titles.find(parameter);
  return it == titles.end() ? parameter : it->second;
}

std::string describe_common(const std::vector<std::pair<std::string, std::string>>& common) {
  std::vector<std::string> parts;
  for (const auto& [name, value] : common)
    if (!value.empty()) parts.push_back(title_of(name) + " " + value);
  return parts.empty() ? "" : wrapped(fmt::format("{}", fmt::join(parts, ", "))) + "\n";
}

}  // namespace espalier::report
