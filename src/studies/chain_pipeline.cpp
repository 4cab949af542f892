#include "studies/chain_pipeline.hpp"

#include <algorithm>

#include "espalier/base/error.hpp"
#include "espalier/stages/chain.hpp"
#include "espalier/stages/parameters.hpp"
#include "espalier/task/variants.hpp"

namespace espalier::studies {

namespace {

const std::string network_parameter = "problem.network";

}  // namespace

ChainPipeline::ChainPipeline(std::string network, const std::vector<std::pair<std::string, task::Value>>& defaults)
    : network_(std::move(network)), schema_(task::fix_parameter(stages::parameter_schema(), network_parameter, network_)) {
  for (const auto& given : defaults) {
    const auto field = std::find_if(schema_.begin(), schema_.end(), [&](const task::Field& f) { return f.name == given.first; });
    if (field == schema_.end()) base::fail(base::ErrorKind::internal, "no parameter is called '{}'", given.first);
    field->default_value = given.second;
  }
}

std::vector<task::StageRequest> ChainPipeline::expand(const task::Parameters& instance) const {
  task::Parameters complete = instance;
  complete.set(network_parameter, network_);
  return stages::expand_chain(complete);
}

}  // namespace espalier::studies
