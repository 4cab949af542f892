#include "stages/problem_parameters.hpp"

#include <array>
#include <string_view>
#include <utility>

#include "espalier/data/dataset.hpp"

namespace espalier::stages {

namespace {

record::Record<ProblemParameters> make_problem_record() {
  record::Record<ProblemParameters> record;
  record.add(&ProblemParameters::split, {.name = "split", .meaning = "which images of the data set: train (60,000) or test (10,000)"})
      .add(&ProblemParameters::sample_index,
           {.name = "sample_index", .meaning = "clean image: index in problem.split", .minimum = 0, .maximum = data::train_count - 1})
      .add(&ProblemParameters::region,
           {.name = "region",
            .meaning = "norm that limits the change of the clean image: l1 (sum of the changes), l2 (Euclidean length; solvers bab and "
                       "attack), linf (largest change) or row-wise (sum over the image's rows of the largest change in a row: what the "
                       "code of Pham et al., arXiv 2505.01985, limits); pixels stay in [0, 1]"})
      .add(&ProblemParameters::epsilon, {.name = "epsilon",
                                         .unit = "1",
                                         .meaning = "radius of the region around the clean image, in its norm",
                                         .minimum = 0,
                                         .minimum_open = true})
      .add(&ProblemParameters::network,
           {.name = "network",
            .meaning = "whose adversarial input is sought: the dense network's, with the pruned one as its surrogate, or the embedded "
                       "network's own"})
      .add(&ProblemParameters::target,
           {.name = "target",
            .meaning = "class to reach: the second one on the clean image, or any but the label (the largest margin of all is maximised, "
                       "in one search)"})
      .add(&ProblemParameters::label_source,
           {.name = "label_source", .meaning = "whose first and second class on the clean image are label and target"})
      .add(&ProblemParameters::transfer_seeds,
           {.name = "transfer_seeds",
            .meaning = "adversarial inputs are also run through the dense networks trained with these train.seed and no regulariser",
            .minimum = 0});
  return record;
}

}  // namespace

base::Words<Attacked> words(Attacked) {
  static constexpr std::array<std::pair<Attacked, std::string_view>, 2> all{{{Attacked::dense, "dense"}, {Attacked::embedded, "embedded"}}};
  return all;
}

base::Words<TargetSource> words(TargetSource) {
  static constexpr std::array<std::pair<TargetSource, std::string_view>, 2> all{
      {{TargetSource::second, "second"}, {TargetSource::any, "any"}}};
  return all;
}

base::Words<LabelSource> words(LabelSource) {
  static constexpr std::array<std::pair<LabelSource, std::string_view>, 2> all{
      {{LabelSource::dense, "dense"}, {LabelSource::surrogate, "surrogate"}}};
  return all;
}

base::Words<Split> words(Split) {
  static constexpr std::array<std::pair<Split, std::string_view>, 2> all{{{Split::train, "train"}, {Split::test, "test"}}};
  return all;
}

const record::Record<ProblemParameters>& problem_record() {
  static const record::Record<ProblemParameters> record = make_problem_record();
  return record;
}

}  // namespace espalier::stages
