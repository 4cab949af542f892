// The parameters problem.*, each listed once, with its key, unit, range and meaning.
#pragma once
#include <cstdint>

#include "espalier/problem/problem.hpp"
#include "espalier/record/record.hpp"
#include "espalier/task/value.hpp"

namespace espalier::stages {

/// Whose adversarial input is sought, where there is a pruned network.
enum class Attacked {
  dense,     ///< the dense network's; the pruned one is its surrogate
  embedded,  ///< the pruned network's own
};
base::Words<Attacked> words(Attacked);

/// The class to reach.
enum class TargetSource {
  second,  ///< the second one on the clean image
  any,     ///< any but the label
};
base::Words<TargetSource> words(TargetSource);

/// Whose first and second class on the clean image are label and target.
enum class LabelSource { dense, surrogate };
base::Words<LabelSource> words(LabelSource);

enum class Split { train, test };
base::Words<Split> words(Split);

struct ProblemParameters {
  Split split = Split::train;
  std::int64_t sample_index = 0;
  problem::Norm region = problem::Norm::l1;
  double epsilon = 5;
  Attacked network = Attacked::dense;
  TargetSource target = TargetSource::second;
  LabelSource label_source = LabelSource::dense;
  task::IntegerList transfer_seeds = {};
};
const record::Record<ProblemParameters>& problem_record();

}  // namespace espalier::stages
