#include "app/experiment_plan.hpp"

#include "espalier/base/clock.hpp"
#include "espalier/base/log.hpp"
#include "espalier/experiments/parameters.hpp"
#include "espalier/experiments/pipeline.hpp"
#include "espalier/experiments/stages.hpp"
#include "espalier/plan/shard.hpp"

namespace espalier::app {

namespace {

/// Says what takes long, from the second second on.
plan::Progress report_progress() {
  return [told = 0.0, watch = base::Stopwatch()](std::uint64_t instances, double most) mutable {
    if (watch.wall_seconds() < told + 2) return;
    told = watch.wall_seconds();
    base::log_info("planning: {} of at most {:.0f} instances, {:.0f} s left", instances, most,
                   told * (most / static_cast<double>(instances) - 1));
  };
}

ExperimentPlan make(config::Experiment experiment, const task::StageRegistry& stages, const task::Shard& shard) {
  plan::Plan plan = plan::make_plan(experiment, experiments::SurrogatePipeline(), stages, report_progress());
  if (!shard.is_whole()) {
    plan.graph = plan::shard_graph(plan, shard);
    plan.results.clear();  // they are indices of the whole graph
  }
  return {std::move(experiment), std::move(plan)};
}

config::Experiment stored_experiment(const store::OutputDirectory& directory) {
  return config::parse_experiment(directory.identity().configuration, directory.plan_path().string(), experiments::parameter_schema());
}

}  // namespace

ExperimentPlan load_plan(const std::filesystem::path& config, const std::vector<std::string>& overrides, const task::StageRegistry& stages,
                         const task::Shard& shard) {
  return make(config::load_experiment(config, experiments::parameter_schema(), overrides), stages, shard);
}

ExperimentPlan parse_plan(const store::OutputDirectory& directory, const task::StageRegistry& stages) {
  return make(stored_experiment(directory), stages, directory.identity().shard);
}

ExperimentPlan parse_whole_plan(const store::OutputDirectory& directory, const task::StageRegistry& stages) {
  return make(stored_experiment(directory), stages, {});
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
