// What `espalier plan` shows.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "espalier/plan/plan.hpp"

namespace espalier::plan {

namespace {

std::string duration(double seconds) {
  if (seconds < 120) return fmt::format("{:.3g} s", seconds);
  if (seconds < 7200) return fmt::format("{:.3g} min", seconds / 60);
  return fmt::format("{:.3g} h", seconds / 3600);
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
  text += fmt::format("\nestimated cost: {:.3g} CPU hours; the longest chain of stages takes {}\n", plan.expected_seconds / 3600,
                      duration(plan.longest_chain_seconds));
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
                                    {"longest_chain_seconds", plan.longest_chain_seconds},
                                    {"fingerprint", plan.fingerprint.hex()},
                                    {"notes", plan.notes}};
  return json.dump();
}

}  // namespace espalier::plan
