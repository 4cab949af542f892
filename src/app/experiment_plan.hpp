// From a configuration to stages and plan: what run, plan and status share.
#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "espalier/config/experiment.hpp"
#include "espalier/data/dataset.hpp"
#include "espalier/plan/plan.hpp"
#include "espalier/stages/environment.hpp"
#include "espalier/store/output_directory.hpp"
#include "espalier/studies/study.hpp"
#include "espalier/task/stage.hpp"

namespace espalier::app {

/// What the program can do: studies, and the stages of all of them.
struct Catalogue {
  const studies::Registry& studies;
  task::StageRegistry stages;  ///< of all studies together: what a worker can do
  std::map<std::string, task::StageRegistry> stages_of_study;

  /// Of the study that an experiment names: what its tables are made of.
  const task::StageRegistry& stages_of(const config::Experiment& experiment) const { return stages_of_study.at(experiment.study); }
  /// Of the study that an experiment names.
  const task::Pipeline& pipeline(const config::Experiment& experiment) const { return studies.find(experiment.study).pipeline(); }
};
Catalogue make_catalogue(const studies::Registry& studies, const stages::Environment::Options& options = {});

struct ExperimentPlan {
  config::Experiment experiment;
  plan::Plan plan;
};

/// With a shard, the plan's graph is the shard's; its counts stay those of the whole grid, and it has no `results`.
ExperimentPlan load_plan(const std::filesystem::path& config, const std::vector<std::string>& overrides, const Catalogue& catalogue,
                         const task::Shard& shard = {});
/// Of the configuration that an output directory keeps, and its shard.
ExperimentPlan parse_plan(const store::OutputDirectory& directory, const Catalogue& catalogue);
/// Without regard to its shard.
ExperimentPlan parse_whole_plan(const store::OutputDirectory& directory, const Catalogue& catalogue);
/// The configuration alone.
config::Experiment stored_experiment(const store::OutputDirectory& directory, const Catalogue& catalogue);

/// What the finished stages of an output directory took; of one that does not exist, or was never run, an error.
task::CostModel learn_costs(const std::string& directory, const Catalogue& catalogue);
/// The same of one that is open, whose plan is `graph`.
task::CostModel learn_costs(const store::OutputDirectory& directory, const task::TaskGraph& graph);

/// --data-dir, else ESPALIER_DATA, else ./data, else data/ beside the source tree of this program (build/release/espalier).
data::SearchPath data_search_path(const std::string& data_dir);

}  // namespace espalier::app
