#include "espalier/experiments/parameters.hpp"

#include <algorithm>

#include "espalier/branch/tighten.hpp"
#include "espalier/data/dataset.hpp"
#include "espalier/engine/settings.hpp"

namespace espalier::experiments {

using task::Field;
using task::IntegerList;
using task::Schema;
using task::Value;
using task::ValueType;

namespace {

Field text(std::string name, std::optional<Value> standard, std::string meaning, std::vector<std::string> choices = {}) {
  return {.name = std::move(name),
          .type = ValueType::text,
          .default_value = std::move(standard),
          .unit = "",
          .meaning = std::move(meaning),
          .choices = std::move(choices)};
}

Field integer(std::string name, std::int64_t standard, std::string unit, std::string meaning, double minimum, double maximum = 1e15) {
  return {.name = std::move(name),
          .type = ValueType::integer,
          .default_value = Value(standard),
          .unit = std::move(unit),
          .meaning = std::move(meaning),
          .minimum = minimum,
          .maximum = maximum,
          .choices = {}};
}

Field real(std::string name, double standard, std::string unit, std::string meaning, double minimum, bool minimum_open = false) {
  return {.name = std::move(name),
          .type = ValueType::real,
          .default_value = Value(standard),
          .unit = std::move(unit),
          .meaning = std::move(meaning),
          .minimum = minimum,
          .minimum_open = minimum_open,
          .choices = {}};
}

/// A number in [0, 1].
Field share(std::string name, double standard, std::string meaning) {
  Field field = real(std::move(name), standard, "1", std::move(meaning), 0);
  field.maximum = 1;
  return field;
}

Field boolean(std::string name, bool standard, std::string meaning) {
  return {.name = std::move(name),
          .type = ValueType::boolean,
          .default_value = Value(standard),
          .unit = "",
          .meaning = std::move(meaning),
          .choices = {}};
}

Schema network_fields() {
  Field hidden{.name = "network.hidden",
               .type = ValueType::integer_list,
               .default_value = Value(IntegerList{}),
               .unit = "neurons",
               .meaning = "widths of the hidden layers, as [32, 16]; when empty, network.depth layers of network.width",
               .minimum = 1,
               .maximum = 1e6,
               .choices = {}};
  return {integer("network.depth", 2, "layers", "number of hidden layers", 1, 1000),
          integer("network.width", 32, "neurons", "width of every hidden layer", 1, 1e6), std::move(hidden)};
}

Schema train_fields() {
  Field alpha = real("train.spr_alpha", 0.5, "1", "spr: weight of the squared norm against the on/off cost", 0, true);
  alpha.maximum = 1;
  alpha.maximum_open = true;
  return {
      text("train.optimizer", "adam", "update rule", {"adam", "sgd"}),
      real("train.learning_rate", 1e-3, "1", "learning rate of the first epoch", 0, true),
      real("train.momentum", 0, "1", "momentum of SGD", 0),
      real("train.weight_decay", 1e-3, "1", "L2 weight decay, added to the gradient of weights and biases", 0),
      integer("train.batch_size", 64, "samples", "mini-batch size", 1, 60000),
      integer("train.epochs", 5, "epochs", "passes over the training set", 0, 1e6),
      integer("train.schedule_step", 0, "epochs", "the learning rate is multiplied by train.schedule_factor every so many epochs; 0: never",
              0),
      real("train.schedule_factor", 0.1, "1", "see train.schedule_step", 0, true),
      real("train.clip_norm", 0, "1", "gradients are scaled down to this global L2 norm; 0: never", 0),
      text("train.initialization", "xavier",
           "initial weights: Xavier uniform, or uniform in +-1/sqrt(fan-in); biases are always the latter", {"xavier", "fan_in"}),
      text("train.regulariser", "none",
           "term added to the loss: sums over weights (l1, l2) or over neurons (group_lasso; spr: structured perspective regularisation, "
           "Cacciola et al., arXiv 2307.07457)",
           {"none", "group_lasso", "l1", "l2", "spr"}),
      real("train.regulariser_strength", 0, "1", "factor lambda of train.regulariser", 0),
      std::move(alpha),
      text("train.spr_scaling", "size",
           "spr: layers weighted by (inputs + 1) / parameters of the network (the authors' code), or all alike (their text)",
           {"size", "plain"}),
      text(
          "train.spr_big_m", "trained",
          "spr: M of a layer is its largest weight in the same network trained without regulariser, or in the initial one; where that is 0 "
          "(a dead layer) the training is a failed row that says so",
          {"trained", "initial"}),
      boolean("train.shuffle", false, "samples in a new random order every epoch, or in the order of the file"),
      integer("train.seed", 0, "", "seed of the initial weights and of the shuffling", 0)};
}

std::vector<std::string> with_none(std::vector<std::string> words) {
  words.insert(words.begin(), "none");
  return words;
}

Schema prune_fields() {
  Field rate = share("prune.rate", 0, "share of each layer's weights (or rows) that is pruned");
  rate.maximum_open = true;
  Field row_fraction =
      share("prune.row_fraction", 5e-3,
            "threshold: a neuron survives if more than this share of its weights does; a hidden layer that would lose all of its neurons "
            "keeps the one with the largest weights (L1 norm), so that the network stays one");
  row_fraction.maximum_open = true;
  return {
      text("prune.criterion", "none",
           "what is pruned; none: the dense arm, all other prune parameters are ignored; threshold: neurons whose weights fall under a "
           "threshold found by bisection on the train accuracy, whatever the rate; exact: only what prune.proof proves to be superfluous",
           {"none", "magnitude", "random", "threshold", "exact"}),
      text("prune.structure", "unstructured", "single weights, or rows (neurons) by L1 norm", {"unstructured", "structured"}),
      std::move(rate),
      share("prune.tolerance", 5e-4, "threshold: accepted loss of train accuracy"),
      std::move(row_fraction),
      boolean("prune.compact", false, "neurons without weights are removed from the network, their constants folded into the next biases"),
      text("prune.proof", "none",
           "exact compression, after any finetuning: hidden neurons that bounds of this kind over all images, [0, 1]^n, prove to be off or "
           "linear are removed, or folded into fewer; the network computes the same on every image, up to the rounding of its weights",
           with_none(branch::bounds_method_names())),
      integer("prune.steps", 5, "steps", "compound steps; each prunes 1-(1-rate)^(1/steps) of what is left", 1, 1000),
      boolean("prune.output", true, "whether the output layer is pruned as well (the code of Pham et al., arXiv 2505.01985, does)"),
      text("prune.finetuning", "none",
           "none; rewinding to the dense weights after every round (the code of Pham et al.); cumulative (their text)",
           {"none", "rewinding", "cumulative"}),
      integer("prune.epochs", 5, "epochs", "epochs of each finetuning round", 1, 1e6),
      real("prune.learning_rate", 1e-2, "1", "learning rate of finetuning (SGD)", 0, true),
      integer("prune.batch_size", 64, "samples", "mini-batch size of finetuning", 1, 60000),
      integer("prune.seed", 0, "", "seed of random pruning, together with train.seed", 0)};
}

Field real_list(std::string name, std::string meaning, double minimum) {
  return {.name = std::move(name),
          .type = ValueType::real_list,
          .default_value = Value(task::RealList{}),
          .unit = "1",
          .meaning = std::move(meaning),
          .minimum = minimum,
          .choices = {}};
}

Schema select_fields() {
  Field alphas = real_list("select.alphas", "spr: each strength is tried with each of these; when empty, with train.spr_alpha", 0);
  alphas.minimum_open = alphas.maximum_open = true;
  alphas.maximum = 1;
  return {real_list("select.strengths",
                    "the network is trained and pruned with each of these instead of train.regulariser_strength, and the smallest one that "
                    "is accurate enough is embedded; when empty, nothing is selected",
                    0),
          std::move(alphas),
          real("select.margin", 0.01, "1",
               "accurate enough: test accuracy at least that of the unregularised network less this; if no network is, the selection is a "
               "failed row that names the best",
               0)};
}

Schema problem_fields() {
  Field transfer{.name = "problem.transfer_seeds",
                 .type = ValueType::integer_list,
                 .default_value = Value(IntegerList{}),
                 .unit = "",
                 .meaning = "adversarial inputs are also run through the dense networks trained with these train.seed and no regulariser",
                 .minimum = 0,
                 .choices = {}};
  return {
      integer("problem.sample_index", 0, "", "clean image: index in the training set", 0, 59999),
      real("problem.epsilon", 5, "1", "radius of the L1 ball around the clean image (pixels in [0, 1])", 0, true),
      text("problem.network", "dense",
           "whose adversarial input is sought: the dense network's, with the pruned one as its surrogate, or the embedded network's own",
           {"dense", "embedded"}),
      text("problem.label_source", "dense", "whose first and second class on the clean image are label and target", {"dense", "surrogate"}),
      std::move(transfer)};
}

Schema solve_fields() {
  return {
      text("solve.solver", engine::SolveSettings{}.solver,
           "bab: our own branch and bound over alpha-crown bounds, no MILP (solve.formulation, bounds and start do not matter to it); "
           "MILP solvers: cbc, external:cbc, external:glpsol or external:<command line>; attack: no MILP and no proof"),
      text("solve.formulation", "big-m",
           "MILP formulation: that of Pham et al., literally; the same with fewer rows and columns; that of Cacciola et al.",
           {"big-m-literal", "big-m", "big-m-split"}),
      text("solve.bounds", "interval", "pre-activation bounds", branch::bounds_method_names()),
      boolean("solve.compress", false,
              "exact compression per problem: hidden neurons that solve.bounds prove to be off or linear over the ball leave the embedded "
              "network before it is searched; answers are those of the network as it was"),
      text("solve.goal", "optimize", "find the maximum, or only its sign", {"optimize", "decide"}),
      text("solve.on_success", "stop", "what happens at the first verified adversarial input", {"stop", "continue"}),
      real("solve.time_limit", 300, "s", "wall time of bounds, embedding, search and check together", 0, true),
      share("solve.check_share", 0.5,
            "cbc, external: optimal or robust is said only if bounds of our own agree, which get this share of the solve's time, or 5 s if "
            "that is more, of what is left of solve.time_limit; else the status is optimal_claimed or robust_claimed. 0: no check"),
      integer("solve.node_limit", -1, "nodes", "branch-and-bound nodes; -1: no limit", -1),
      text("solve.start", "clean_input", "first incumbent given to the solver; attack: the best point of a search that is run first",
           {"none", "clean_input", "attack"}),
      text("solve.protocol", "surrogate",
           "surrogate: Algorithm 1 of Pham et al., the end is when the pruned network is solved; surrogate-then-dense: then the dense "
           "network, from "
           "the best point seen, in what is left of the time (at least half)",
           {"surrogate", "surrogate-then-dense"}),
      integer("solve.seed", 0, "", "random seed of the solver", 0),
      integer("repetition", 0, "", "number of the repetition; repeats the solve, not the training (use train.seed for that)", 0)};
}

Schema make_schema() {
  Schema all{text("dataset.name", std::nullopt, "data set", data::dataset_names()),
             integer("dataset.side", 28, "pixels", "images are resized to side x side, as Pillow does (bilinear, antialiased)", 1, 28)};
  for (const Schema& part : {network_fields(), train_fields(), prune_fields(), select_fields(), problem_fields(), solve_fields()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace

const Schema& parameter_schema() {
  static const Schema schema = make_schema();
  return schema;
}

std::string section_of(const std::string& name) {
  const auto dot = name.find('.');
  return dot == std::string::npos ? "solve" : name.substr(0, dot);
}

std::string column_name(std::string parameter) {
  std::replace(parameter.begin(), parameter.end(), '.', '_');
  return parameter;
}

Schema columns_of_sections(const std::vector<std::string>& sections) {
  Schema columns;
  for (Field field : parameter_schema()) {
    if (std::find(sections.begin(), sections.end(), section_of(field.name)) == sections.end()) continue;
    field.name = column_name(field.name);
    const bool is_dataset = field.name == "dataset_name";
    columns.push_back(std::move(field));
    if (is_dataset)
      columns.push_back(text("dataset_hash", std::nullopt, "XXH3-128 of the data set's content, which its files were checked to have"));
  }
  return columns;
}

}  // namespace espalier::experiments
