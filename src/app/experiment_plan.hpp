// From a configuration to stages and plan: what run, plan and status share.
#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "espalier/config/experiment.hpp"
#include "espalier/data/dataset.hpp"
#include "espalier/experiments/environment.hpp"
#include "espalier/plan/plan.hpp"
#include "espalier/store/output_directory.hpp"
#include "espalier/task/stage.hpp"

namespace espalier::app {

struct ExperimentPlan {
  config::Experiment experiment;
  plan::Plan plan;
};

/// With a shard, the plan's graph is the shard's; its counts stay those of the whole grid, and it has no `results`.
ExperimentPlan load_plan(const std::filesystem::path& config, const std::vector<std::string>& overrides, const task::StageRegistry& stages,
                         const task::Shard& shard = {});
/// Of the configuration that an output directory keeps, and its shard.
ExperimentPlan parse_plan(const store::OutputDirectory& directory, const task::StageRegistry& stages);
/// Without regard to its shard.
ExperimentPlan parse_whole_plan(const store::OutputDirectory& directory, const task::StageRegistry& stages);

/// Stages that are only asked for their schemas, never run.
task::StageRegistry stages_for_planning();

/// --data-dir, else ESPALIER_DATA, else ./data, else data/ beside the source tree of this program (build/release/espalier).
data::SearchPath data_search_path(const std::string& data_dir);

}  // namespace espalier::app
