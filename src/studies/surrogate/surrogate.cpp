#include "studies/surrogate/surrogate.hpp"

#include "espalier/stages/stages.hpp"
#include "studies/chain_pipeline.hpp"
#include "studies/surrogate/table.hpp"

namespace espalier::studies {

namespace {

class SurrogateStudy : public Study {
 public:
  std::string name() const override { return "surrogate"; }
  std::string description() const override {
    return "adversarial inputs of dense networks, searched in pruned ones in their place (Pham et al., arXiv 2505.01985)";
  }
  const task::Pipeline& pipeline() const override { return pipeline_; }
  task::StageRegistry make_stages(const std::shared_ptr<stages::Environment>& environment) const override {
    return stages::make_stages(environment);
  }
  Report report(const std::filesystem::path& file) const override {
    const report::Results results = report::read_results(file);
    const surrogate::Summary summary = surrogate::summarise(results);
    return {report::describe_incomplete(results) + surrogate::format_text(summary), {{"summary.csv", surrogate::format_csv(summary)}}};
  }

 private:
  ChainPipeline pipeline_{"dense", {}};
};

}  // namespace

std::unique_ptr<Study> make_surrogate() { return std::make_unique<SurrogateStudy>(); }

}  // namespace espalier::studies
