// What `espalier plan` shows.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "espalier/plan/plan.hpp"

namespace espalier::plan {

namespace {

std::string duration(double seconds) {
  const bool hours = seconds >= 7200, minutes = seconds >= 120;
  const double value = seconds / (hours ? 3600 : minutes ? 60 : 1);
  return fmt::format("{:.{}f} {}", value, value < 10 ? 1 : 0, hours ? "h" : minutes ? "min" : "s");
}

}  // namespace

std::string describe(const Plan& plan) {
  std::string text = plan.name + (plan.description.empty() ? "" : ": " + plan.description) + "\n\n" + plan.axes;
  text += fmt::format("\n{} instances", plan.instances);
  if (plan.excluded > 0) text += fmt::format(", {} excluded", plan.excluded);
  if (plan.duplicates > 0)
    text += fmt::format(", {} of them duplicates (the same result as another instance; computed once)", plan.duplicates);
  text += fmt::format("\n\n{:<12} {:>10} {:>10} {:>10} {:>14}\n", "stage", "requested", "shared", "to run", "expected CPU");
  StageCount total{.kind = "total"};
  for (const StageCount& stage : plan.stages) {
    text += fmt::format("{:<12} {:>10} {:>10} {:>10} {:>14}\n", stage.kind, stage.requested, stage.requested - stage.distinct,
                        stage.distinct, duration(stage.expected_seconds));
    total.requested += stage.requested;
    total.distinct += stage.distinct;
  }
  text += fmt::format("{:<12} {:>10} {:>10} {:>10} {:>14}\n", total.kind, total.requested, total.requested - total.distinct, total.distinct,
                      duration(plan.expected_seconds));
  const std::string source =
      plan.measured_tasks == 0 ? "guessed from sizes alone" : fmt::format("learned from {} finished stages", plan.measured_tasks);
  text += fmt::format("\n{}, on one core: {} in all, {} for the longest chain of stages", source, duration(plan.expected_seconds),
                      duration(plan.longest_chain_seconds));
  if (plan.most_seconds > plan.expected_seconds)
    text += fmt::format("; solves may take\nmuch less or more, in all {} if each meets its limit", duration(plan.most_seconds));
  text += "\n";
  for (const std::string& note : plan.notes) text += "note: " + note + "\n";
  return text;
}

std::string to_json(const Plan& plan) {
  nlohmann::ordered_json stages = nlohmann::ordered_json::array();
  for (const StageCount& stage : plan.stages)
    stages.push_back({{"kind", stage.kind},
                      {"requested", stage.requested},
                      {"shared", stage.requested - stage.distinct},
                      {"distinct", stage.distinct},
                      {"expected_seconds", stage.expected_seconds}});
  const nlohmann::ordered_json json{{"name", plan.name},
                                    {"description", plan.description},
                                    {"instances", plan.instances},
                                    {"excluded", plan.excluded},
                                    {"duplicates", plan.duplicates},
                                    {"tasks", plan.graph.tasks.size()},
                                    {"stages", stages},
                                    {"expected_seconds", plan.expected_seconds},
                                    {"most_seconds", plan.most_seconds},
                                    {"longest_chain_seconds", plan.longest_chain_seconds},
                                    {"measured_tasks", plan.measured_tasks},
                                    {"fingerprint", plan.fingerprint.hex()},
                                    {"notes", plan.notes}};
  return json.dump();
}

}  // namespace espalier::plan
