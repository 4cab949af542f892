#include <iostream>

#include "app/commands.hpp"
#include "app/experiment_plan.hpp"
#include "espalier/base/error.hpp"

namespace espalier::app {

namespace {

struct PlanOptions {
  std::string config;
  std::vector<std::string> overrides;
  bool json = false;
  bool parameters = false;
  std::string study;
  std::string history;
};

void run_plan(const PlanOptions& options, const studies::Registry& studies) {
  if (options.parameters) {
    const studies::Study& study = options.study.empty() ? *studies.all().front() : studies.find(options.study);
    std::cout << "study " << study.name() << ": " << study.description() << "\n\n" << config::describe(study.pipeline().schema());
    return;
  }
  if (options.config.empty())
    base::fail(base::ErrorKind::configuration, "espalier plan: expected an experiment file; see espalier plan --help");
  const Catalogue catalogue = make_catalogue(studies);
  plan::Plan plan = load_plan(options.config, options.overrides, catalogue).plan;
  if (!options.history.empty()) plan::expect(plan, learn_costs(options.history, catalogue));
  std::cout << (options.json ? plan::to_json(plan) + "\n" : plan::describe(plan));
}

}  // namespace

void add_plan(CLI::App& program, int&, const studies::Registry& studies) {
  auto options = std::make_shared<PlanOptions>();
  CLI::App* command = program.add_subcommand("plan", "Counts per stage, what is shared and the expected cost; nothing is run");
  command->add_option("CONFIG", options->config, "experiment file (YAML)");
  command->add_option("--set", options->overrides, "override a parameter: --set train.epochs=8 --set prune.rate=[0.5,0.9]")
      ->allow_extra_args(false);
  command->add_flag("--json", options->json, "one JSON object");
  CLI::Option* parameters = command->add_flag("--parameters", options->parameters, "print the reference of a study's parameters instead");
  std::vector<std::string> names;
  for (const auto& study : studies.all()) names.push_back(study->name());
  command->add_option("--study", options->study, "which study's; default: " + names.front())
      ->check(CLI::IsMember(names))
      ->needs(parameters);
  command->add_option("--history", options->history, "output directory of an earlier run, whose times the expected ones are learned from");
  command->footer(
      "Examples:\n  espalier plan configs/quickstart.yaml\n  espalier plan configs/surrogate-full.yaml --set solve.time_limit=60 --json\n"
      "  espalier plan configs/surrogate-full.yaml --history results/tier1");
  command->callback([options, &studies] { run_plan(*options, studies); });
}

}  // namespace espalier::app
