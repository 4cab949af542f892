#include "studies/spr/spr.hpp"

#include "espalier/stages/stages.hpp"
#include "studies/chain_pipeline.hpp"
#include "studies/spr/table.hpp"

namespace espalier::studies {

namespace {

/// P1, section 5.1, and its code.
const std::vector<std::pair<std::string, task::Value>>& defaults() {
  using namespace std::string_literals;
  static const std::vector<std::pair<std::string, task::Value>> values{{"train.optimizer", "sgd"s},
                                                                       {"train.learning_rate", 0.1},
                                                                       {"train.weight_decay", 0.0},
                                                                       {"train.batch_size", std::int64_t{128}},
                                                                       {"train.epochs", std::int64_t{50}},
                                                                       {"train.initialization", "fan_in"s},
                                                                       {"train.shuffle", true},
                                                                       {"prune.finetuning", "cumulative"s},
                                                                       {"prune.epochs", std::int64_t{10}},
                                                                       {"prune.learning_rate", 0.1},
                                                                       {"prune.batch_size", std::int64_t{128}},
                                                                       {"prune.compact", true},
                                                                       {"problem.sample_index", std::int64_t{10000}},
                                                                       {"solve.solver", "cbc"s},
                                                                       {"solve.goal", "decide"s},
                                                                       {"solve.time_limit", 1800.0}};
  return values;
}

class SprStudy : public Study {
 public:
  std::string name() const override { return "spr"; }
  std::string description() const override {
    return "networks as trained against networks pruned, each with its own adversarial input (Cacciola et al., arXiv 2307.07457)";
  }
  const task::Pipeline& pipeline() const override { return pipeline_; }
  task::StageRegistry make_stages(const std::shared_ptr<stages::Environment>& environment) const override {
    return stages::make_stages(environment);
  }
  Report report(const std::filesystem::path& file) const override {
    const report::Results results = report::read_results(file);
    const spr::Table table = spr::summarise(results);
    return {report::describe_incomplete(results) + spr::format_text(table), {{"spr.csv", spr::format_csv(table)}}};
  }

 private:
  ChainPipeline pipeline_{"embedded", defaults()};
};

}  // namespace

std::unique_ptr<Study> make_spr() { return std::make_unique<SprStudy>(); }

}  // namespace espalier::studies
