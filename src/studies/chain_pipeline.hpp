// The pipeline of studies whose instances are chains of stages::expand_chain().
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "espalier/task/stage.hpp"

namespace espalier::studies {

class ChainPipeline : public task::Pipeline {
 public:
  /// `network`: whose adversarial input is sought, the value of problem.network, which is then no parameter. `defaults`: by name, instead
  /// of those of stages::parameter_schema().
  ChainPipeline(std::string network, const std::vector<std::pair<std::string, task::Value>>& defaults);

  const task::Schema& schema() const override { return schema_; }
  std::vector<task::StageRequest> expand(const task::Parameters& instance) const override;

 private:
  std::string network_;
  task::Schema schema_;
};

}  // namespace espalier::studies
