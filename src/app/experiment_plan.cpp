#include "app/experiment_plan.hpp"

#include "espalier/experiments/parameters.hpp"
#include "espalier/experiments/pipeline.hpp"
#include "espalier/experiments/stages.hpp"

namespace espalier::app {

namespace {
ExperimentPlan make(config::Experiment experiment, const task::StageRegistry& stages) {
  plan::Plan plan = plan::make_plan(experiment, experiments::SurrogatePipeline(), stages);
  return {std::move(experiment), std::move(plan)};
}
}  // namespace

ExperimentPlan load_plan(const std::filesystem::path& config, const std::vector<std::string>& overrides,
                         const task::StageRegistry& stages) {
  return make(config::load_experiment(config, experiments::parameter_schema(), overrides), stages);
}

ExperimentPlan parse_plan(const std::string& text, const std::string& file, const task::StageRegistry& stages) {
  return make(config::parse_experiment(text, file, experiments::parameter_schema()), stages);
}

task::StageRegistry stages_for_planning() {
  return experiments::make_stages(std::make_shared<experiments::Environment>(experiments::Environment::Options{}));
}

data::SearchPath data_search_path(const std::string& data_dir) {
  data::SearchPath where{.directory = data_dir, .defaults = {"data"}};
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!error) where.defaults.push_back(program.parent_path().parent_path().parent_path() / "data");
  return where;
}

}  // namespace espalier::app
