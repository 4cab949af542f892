#include "stages/network_parameters.hpp"

#include <array>

#include "espalier/base/hash.hpp"
#include "espalier/branch/tighten.hpp"
#include "stages/conditions.hpp"

namespace espalier::stages {

using task::Condition;

namespace {

constexpr double any_number = 1e15;

using std::string_literals::operator""s;

void add_update_rule(record::Record<TrainParameters>& record) {
  record
      .add([](auto& t) -> auto& { return t.options.update_rule; },
           {.name = "optimizer", .default_value = "adam"s, .meaning = "update rule", .choices = {"adam", "sgd"}})
      .add([](auto& t) -> auto& { return t.options.learning_rate; },
           {.name = "learning_rate",
            .default_value = 1e-3,
            .unit = "1",
            .meaning = "learning rate of the first epoch",
            .minimum = 0,
            .minimum_open = true})
      .add([](auto& t) -> auto& { return t.options.update.momentum; },
           {.name = "momentum",
            .default_value = 0.0,
            .unit = "1",
            .meaning = "momentum of SGD",
            .minimum = 0,
            .exists_if = {is_one_of("optimizer", {"sgd"})}})
      .add([](auto& t) -> auto& { return t.options.weight_decay; },
           {.name = "weight_decay",
            .default_value = 1e-3,
            .unit = "1",
            .meaning = "L2 weight decay, added to the gradient of weights and biases",
            .minimum = 0});
}

void add_schedule(record::Record<TrainParameters>& record) {
  record
      .add([](auto& t) -> auto& { return t.options.batch_size; },
           {.name = "batch_size", .unit = "samples", .meaning = "mini-batch size", .minimum = 1, .maximum = data::train_count})
      .add([](auto& t) -> auto& { return t.options.epochs; },
           {.name = "epochs", .unit = "epochs", .meaning = "passes over the training set", .minimum = 0, .maximum = 1e6})
      .add([](auto& t) -> auto& { return t.options.decay_every_epochs; },
           {.name = "schedule_step",
            .unit = "epochs",
            .meaning = "the learning rate is multiplied by train.schedule_factor every so many epochs; 0: never",
            .minimum = 0,
            .maximum = any_number})
      .add([](auto& t) -> auto& { return t.options.decay_factor; },
           {.name = "schedule_factor",
            .default_value = 0.1,
            .unit = "1",
            .meaning = "see train.schedule_step",
            .minimum = 0,
            .minimum_open = true,
            .exists_if = {is_not("schedule_step", std::int64_t{0})}})
      .add([](auto& t) -> auto& { return t.options.clip_gradient_norm; },
           {.name = "clip_norm",
            .default_value = 0.0,
            .unit = "1",
            .meaning = "gradients are scaled down to this global L2 norm; 0: never",
            .minimum = 0});
}

void add_start_and_regulariser(record::Record<TrainParameters>& record) {
  const Condition is_spr = is_one_of("regulariser", {"spr"});
  record
      .add(&TrainParameters::initialization,
           {.name = "initialization",
            .meaning = "initial weights: Xavier uniform, or uniform in +-1/sqrt(fan-in); biases are always the latter"})
      .add(&TrainParameters::regulariser, {.name = "regulariser",
                                           .meaning = "term added to the loss: sums over weights (l1, l2) or over neurons (group_lasso; "
                                                      "spr: structured perspective regularisation, Cacciola et al., arXiv 2307.07457)",
                                           .choices = {"none", "group_lasso", "l1", "l2", "spr"}})
      .add([](auto& t) -> auto& { return t.penalty.strength; },
           {.name = "regulariser_strength",
            .unit = "1",
            .meaning = "factor lambda of train.regulariser",
            .minimum = 0,
            .exists_if = {is_not("regulariser", "none"s)}})
      .add([](auto& t) -> auto& { return t.penalty.alpha; },
           {.name = "spr_alpha",
            .unit = "1",
            .meaning = "spr: weight of the squared norm against the on/off cost",
            .minimum = 0,
            .maximum = 1,
            .minimum_open = true,
            .maximum_open = true,
            .exists_if = {is_spr}})
      .add([](auto& t) -> auto& { return t.penalty.scaling; },
           {.name = "spr_scaling",
            .meaning = "spr: layers weighted by (inputs + 1) / parameters of the network (the authors' code), or all alike (their text)",
            .exists_if = {is_spr}})
      .add(&TrainParameters::big_m,
           {.name = "spr_big_m",
            .meaning = "spr: M of a layer is its largest weight in the same network trained without regulariser, or in the initial one; "
                       "where that is 0 (a dead layer) the training is a failed row that says so",
            .exists_if = {is_spr}});
}

record::Record<TrainParameters> make_train_record() {
  record::Record<TrainParameters> record;
  add_update_rule(record);
  add_schedule(record);
  add_start_and_regulariser(record);
  record
      .add([](auto& t) -> auto& { return t.options.shuffle; },
           {.name = "shuffle", .meaning = "samples in a new random order every epoch, or in the order of the file"})
      .add([](auto& t) -> auto& { return t.options.seed; },
           {.name = "seed", .meaning = "seed of the initial weights and of the shuffling", .minimum = 0, .maximum = any_number});
  return record;
}

/// Words of prune.proof.
std::vector<std::string> none_or_bounds() {
  std::vector<std::string> words = branch::bounds_method_names();
  words.insert(words.begin(), "none");
  return words;
}

Condition by_rate() { return is_one_of("criterion", {"magnitude", "random"}); }
Condition by_weights() { return is_one_of("criterion", {"magnitude", "random", "threshold"}); }

void add_criterion(record::Record<PruneParameters>& record) {
  const Condition by_threshold = is_one_of("criterion", {"threshold"});
  record
      .add([](auto& p) -> auto& { return p.by_rate.criterion; },
           {.name = "criterion",
            .default_value = "none"s,
            .meaning = "what is pruned; none: the dense arm; threshold: neurons whose weights fall under a threshold found by bisection on "
                       "the train accuracy, whatever the rate; exact: only what prune.proof proves to be superfluous",
            .choices = {"none", "magnitude", "random", "threshold", "exact"}})
      .add([](auto& p) -> auto& { return p.by_rate.structure; },
           {.name = "structure", .meaning = "single weights, or rows (neurons) by L1 norm", .exists_if = {by_rate()}})
      .add([](auto& p) -> auto& { return p.by_rate.rate; },
           {.name = "rate",
            .default_value = 0.0,
            .unit = "1",
            .meaning = "share of each layer's weights (or rows) that is pruned",
            .minimum = 0,
            .maximum = 1,
            .maximum_open = true,
            .exists_if = {by_rate()}})
      .add([](auto& p) -> auto& { return p.by_threshold.tolerance; },
           {.name = "tolerance",
            .unit = "1",
            .meaning = "threshold: accepted loss of train accuracy",
            .minimum = 0,
            .maximum = 1,
            .exists_if = {by_threshold}})
      .add([](auto& p) -> auto& { return p.by_threshold.row_fraction; },
           {.name = "row_fraction",
            .unit = "1",
            .meaning = "threshold: a neuron survives if more than this share of its weights does; a hidden layer that would lose all of "
                       "its neurons keeps the one with the largest weights (L1 norm), so that the network stays one",
            .minimum = 0,
            .maximum = 1,
            .maximum_open = true,
            .exists_if = {by_threshold}});
}

void add_removal(record::Record<PruneParameters>& record) {
  record
      .add(&PruneParameters::compact,
           {.name = "compact",
            .meaning = "neurons without weights are removed from the network, their constants folded into the next biases",
            .exists_if = {by_weights()}})
      .add(&PruneParameters::proof, {.name = "proof",
                                     .meaning = "exact compression, after any finetuning: hidden neurons that bounds of this kind over all "
                                                "images, [0, 1]^n, prove to be off or linear are removed, or folded into fewer; the "
                                                "network computes the same on every image, up to the rounding of its weights",
                                     .choices = none_or_bounds(),
                                     .exists_if = {is_not("criterion", "none"s)}})
      .add([](auto& p) -> auto& { return p.by_rate.steps; },
           {.name = "steps",
            .unit = "steps",
            .meaning = "compound steps; each prunes 1-(1-rate)^(1/steps) of what is left",
            .minimum = 1,
            .maximum = 1000,
            .exists_if = {by_rate()}})
      .add([](auto& p) -> auto& { return p.by_rate.prune_output; },
           {.name = "output",
            .meaning = "whether the output layer is pruned as well (the code of Pham et al., arXiv 2505.01985, does)",
            .exists_if = {by_weights()}});
}

void add_finetuning(record::Record<PruneParameters>& record) {
  const Condition is_finetuned = is_one_of("finetuning", {"rewinding", "cumulative"});
  record
      .add([](auto& p) -> auto& { return p.finetuning.schedule; },
           {.name = "finetuning",
            .default_value = "none"s,
            .meaning = "none; rewinding to the dense weights after every round (the code of Pham et al.); cumulative (their text)",
            .exists_if = {by_weights()}})
      .add([](auto& p) -> auto& { return p.finetuning.round.epochs; },
           {.name = "epochs",
            .default_value = std::int64_t{5},
            .unit = "epochs",
            .meaning = "epochs of each finetuning round",
            .minimum = 1,
            .maximum = 1e6,
            .exists_if = {is_finetuned}})
      .add([](auto& p) -> auto& { return p.finetuning.round.learning_rate; },
           {.name = "learning_rate",
            .default_value = 1e-2,
            .unit = "1",
            .meaning = "learning rate of finetuning (SGD)",
            .minimum = 0,
            .minimum_open = true,
            .exists_if = {is_finetuned}})
      .add([](auto& p) -> auto& { return p.finetuning.round.batch_size; },
           {.name = "batch_size",
            .default_value = std::int64_t{64},
            .unit = "samples",
            .meaning = "mini-batch size of finetuning",
            .minimum = 1,
            .maximum = data::train_count,
            .exists_if = {is_finetuned}});
}

record::Record<PruneParameters> make_prune_record() {
  record::Record<PruneParameters> record;
  add_criterion(record);
  add_removal(record);
  add_finetuning(record);
  record.add([](auto& p) -> auto& { return p.by_rate.seed; },
             {.name = "seed",
              .meaning = "seed of random pruning, together with train.seed",
              .minimum = 0,
              .maximum = any_number,
              .exists_if = {is_one_of("criterion", {"random"})}});
  return record;
}

}  // namespace

base::Words<BigM> words(BigM) {
  static constexpr std::array<std::pair<BigM, std::string_view>, 2> all{{{BigM::trained, "trained"}, {BigM::initial, "initial"}}};
  return all;
}

const record::Record<TrainParameters>& train_record() {
  static const record::Record<TrainParameters> record = make_train_record();
  return record;
}

const record::Record<PruneParameters>& prune_record() {
  static const record::Record<PruneParameters> record = make_prune_record();
  return record;
}

TrainParameters train_parameters(const task::Parameters& p) { return train_record().from(p, "train_"); }

std::vector<std::shared_ptr<const train::Regulariser>> TrainParameters::regularisers(const nn::Network* reference,
                                                                                     const nn::Network& start) const {
  if (regulariser == "none") return {};
  train::RegulariserOptions complete = penalty;
  if (regulariser == "spr") complete.big_m = train::largest_weights(reference ? *reference : start);
  return {train::make_regulariser(regulariser, complete)};
}

nn::Network start_network(const task::Parameters& p, const TrainParameters& train) {
  const Eigen::Index side = p.integer("dataset_side");
  std::vector<Eigen::Index> widths{side * side};
  for (const std::int64_t width : p.integers("network_hidden")) widths.push_back(width);
  widths.push_back(10);
  return train::initial_network(widths, train.initialization, train.options.seed);
}

PruneParameters prune_parameters(const task::Parameters& p) {
  PruneParameters parameters = prune_record().from(p, "prune_");
  const train::TrainOptions train = train_parameters(p).options;
  parameters.by_threshold.prune_output = parameters.by_rate.prune_output;
  parameters.by_rate.seed = base::Hasher().add(train.seed).add(parameters.by_rate.seed).finish().low;
  parameters.finetuning.round.seed = train.seed;
  parameters.finetuning.round.shuffle = train.shuffle;
  return parameters;
}

}  // namespace espalier::stages
