// The stage that chooses among networks pruned with several strengths of a regulariser.
#include <algorithm>

#include "espalier/base/error.hpp"
#include "espalier/stages/stages.hpp"
#include "stages/column.hpp"
#include "stages/network_stage.hpp"
#include "stages/selection.hpp"

namespace espalier::stages {

using task::Attempt;
using task::Parameters;
using task::Schema;
using task::StageContext;
using task::ValueType;

namespace {

const Schema& select_columns() {
  using enum ValueType;
  static const Schema columns{
      column("selected_strength", real, "1", "train.regulariser_strength of the network that was selected"),
      column("selected_alpha", real, "1", "train.spr_alpha of the network that was selected"),
      column("baseline_test_accuracy", real, "1", "test accuracy of the network trained without regulariser"),
      column("candidates", integer, "1", "networks to select from; each has its own row"),
      column("admissible_candidates", integer, "1", "those that are accurate enough"),
  };
  return columns;
}

const Schema& select_arrays() {
  using enum ValueType;
  static const Schema arrays{column("candidate_strength", real, "1", "train.regulariser_strength of each candidate"),
                             column("candidate_alpha", real, "1", "train.spr_alpha of each candidate"),
                             column("candidate_neurons", real, "1", "hidden neurons of each candidate that have a weight"),
                             column("candidate_test_accuracy", real, "1", "test accuracy of each candidate")};
  return arrays;
}

class SelectStage : public NetworkStage {
 public:
  explicit SelectStage(std::shared_ptr<Environment> environment)
      : NetworkStage(std::move(environment), "select", 3, "networks", {"dataset", "network", "train", "prune", "select"}, select_columns(),
                     select_arrays()) {}

 private:
  /// Inputs: the unregularised network, then the candidates in the order of choices().
  MadeNetwork make(const Attempt& attempt, const StageContext& context, const data::Dataset&) const override {
    const Parameters& p = attempt.spec.parameters;
    const std::vector<Choice> tried =
        choices(p.reals("select_strengths"), p.contains("select_alphas") ? p.reals("select_alphas") : task::RealList{},
                p.contains("train_spr_alpha") ? p.real("train_spr_alpha") : 0);
    const double baseline = input(attempt, context, 0)->test_accuracy;
    const double least = baseline - p.real("select_margin");
    std::vector<Candidate> candidates;
    task::Array strength{"candidate_strength", {}}, alpha{"candidate_alpha", {}}, neurons{"candidate_neurons", {}},
        accuracy{"candidate_test_accuracy", {}};
    double best = 0;
    std::int64_t admissible = 0;
    for (std::size_t k = 0; k < tried.size(); ++k) {
      const auto stored = input(attempt, context, k + 1);
      const Candidate candidate{.neurons = connected_neurons(stored->network),
                                .nonzero_weights = stored->network.nonzero_weights(),
                                .test_accuracy = stored->test_accuracy};
      candidates.push_back(candidate);
      best = std::max(best, candidate.test_accuracy);
      admissible += candidate.test_accuracy >= least;
      strength.values.push_back(tried[k].strength);
      alpha.values.push_back(tried[k].alpha);
      neurons.values.push_back(static_cast<double>(candidate.neurons));
      accuracy.values.push_back(candidate.test_accuracy);
    }
    const std::optional<std::size_t> selected = smallest(candidates, least);
    if (!selected)
      base::fail(
          base::ErrorKind::data,
          "none of {} candidates is accurate enough: expected a test accuracy of at least {:.4f} (the unregularised network's {:.4f} "
          "less select.margin), the best has {:.4f}; give smaller select.strengths or a larger select.margin",
          candidates.size(), least, baseline, best);
    return {.network = input(attempt, context, *selected + 1)->network,
            .more = {{"selected_strength", tried[*selected].strength},
                     {"selected_alpha", tried[*selected].alpha},
                     {"baseline_test_accuracy", baseline},
                     {"candidates", static_cast<std::int64_t>(candidates.size())},
                     {"admissible_candidates", admissible}},
            .more_arrays = {std::move(strength), std::move(alpha), std::move(neurons), std::move(accuracy)}};
  }
};

}  // namespace

std::unique_ptr<task::Stage> make_select_stage(std::shared_ptr<Environment> environment) {
  return std::make_unique<SelectStage>(std::move(environment));
}

}  // namespace espalier::stages
