#include "studies/surrogate/surrogate.hpp"

#include "espalier/stages/chain.hpp"
#include "espalier/stages/parameters.hpp"
#include "espalier/task/variants.hpp"
#include "studies/surrogate/table.hpp"

namespace espalier::studies {

namespace {

const std::string whose = "problem.network";
const std::string dense = "dense";

class Surrogates : public task::Pipeline {
 public:
  const task::Schema& schema() const override {
    static const task::Schema schema = task::fix_parameter(stages::parameter_schema(), whose, dense);
    return schema;
  }
  std::vector<task::StageRequest> expand(const task::Parameters& instance) const override {
    task::Parameters complete = instance;
    complete.set(whose, dense);
    return stages::expand_chain(complete);
  }
};

class SurrogateStudy : public Study {
 public:
  std::string name() const override { return "surrogate"; }
  std::string description() const override {
    return "adversarial inputs of dense networks, searched in pruned ones in their place (Pham et al., arXiv 2505.01985)";
  }
  const task::Pipeline& pipeline() const override { return pipeline_; }
  Report report(const std::filesystem::path& file) const override {
    const report::Results results = report::read_results(file);
    const surrogate::Summary summary = surrogate::summarise(results);
    return {report::describe_incomplete(results) + surrogate::format_text(summary), {{"summary.csv", surrogate::format_csv(summary)}}};
  }

 private:
  Surrogates pipeline_;
};

}  // namespace

std::unique_ptr<Study> make_surrogate() { return std::make_unique<SurrogateStudy>(); }

}  // namespace espalier::studies
