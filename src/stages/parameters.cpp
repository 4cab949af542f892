#include "espalier/stages/parameters.hpp"

#include <algorithm>

#include "espalier/branch/tighten.hpp"
#include "espalier/data/dataset.hpp"
#include "espalier/engine/records.hpp"
#include "espalier/stages/environment.hpp"

namespace espalier::stages {

using task::Condition;
using task::Field;
using task::IntegerList;
using task::RealList;
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

Condition is(std::string parameter, std::vector<std::string> words) {
  return {.parameter = std::move(parameter), .values = {words.begin(), words.end()}};
}
Condition is_not(std::string parameter, Value value) {
  return {.parameter = std::move(parameter), .values = {std::move(value)}, .is_one_of = false};
}

Field only_if(Field field, std::vector<Condition> conditions) {
  field.exists_if = std::move(conditions);
  return field;
}

const Condition is_trained = is("network.file", {"none"});
const Condition is_pruned = is_not("prune.criterion", std::string("none"));
const Condition by_rate = is("prune.criterion", {"magnitude", "random"});
const Condition by_threshold = is("prune.criterion", {"threshold"});
const Condition by_weights = is("prune.criterion", {"magnitude", "random", "threshold"});
const Condition is_finetuned = is("prune.finetuning", {"rewinding", "cumulative"});
const Condition is_regularised = is_not("train.regulariser", std::string("none"));
const Condition is_spr = is("train.regulariser", {"spr"});
const Condition is_selected = is_not("select.strengths", RealList{});
std::vector<Condition> has_surrogate() { return {is_pruned, is("problem.network", {"dense"})}; }

Schema network_fields() {
  Field hidden{.name = "network.hidden",
               .type = ValueType::integer_list,
               .default_value = Value(IntegerList{}),
               .unit = "neurons",
               .meaning = "widths of the hidden layers, as [32, 16]; when empty, network.depth layers of network.width",
               .minimum = 1,
               .maximum = 1e6,
               .choices = {}};
  Field file =
      text("network.file", std::string("none"),
           "dense network that is given, not trained: an HDF5 file with layer_<k>/weight (outputs x inputs) and layer_<k>/bias, such "
           "as those in parts/ of an output directory; data set and side say what its inputs are");
  file.check_file = [](const std::filesystem::path& name) { read_given_network(name); };
  return {std::move(file), only_if(integer("network.depth", 2, "layers", "number of hidden layers", 1, 1000), {is_trained}),
          only_if(integer("network.width", 32, "neurons", "width of every hidden layer", 1, 1e6), {is_trained}),
          only_if(std::move(hidden), {is_trained})};
}

Schema train_fields() {
  Field alpha = real("train.spr_alpha", 0.5, "1", "spr: weight of the squared norm against the on/off cost", 0, true);
  alpha.maximum = 1;
  alpha.maximum_open = true;
  Schema fields{
      text("train.optimizer", "adam", "update rule", {"adam", "sgd"}),
      real("train.learning_rate", 1e-3, "1", "learning rate of the first epoch", 0, true),
      only_if(real("train.momentum", 0, "1", "momentum of SGD", 0), {is("train.optimizer", {"sgd"})}),
      real("train.weight_decay", 1e-3, "1", "L2 weight decay, added to the gradient of weights and biases", 0),
      integer("train.batch_size", 64, "samples", "mini-batch size", 1, data::train_count),
      integer("train.epochs", 5, "epochs", "passes over the training set", 0, 1e6),
      integer("train.schedule_step", 0, "epochs", "the learning rate is multiplied by train.schedule_factor every so many epochs; 0: never",
              0),
      only_if(real("train.schedule_factor", 0.1, "1", "see train.schedule_step", 0, true),
              {is_not("train.schedule_step", std::int64_t{0})}),
      real("train.clip_norm", 0, "1", "gradients are scaled down to this global L2 norm; 0: never", 0),
      text("train.initialization", "xavier",
           "initial weights: Xavier uniform, or uniform in +-1/sqrt(fan-in); biases are always the latter", {"xavier", "fan_in"}),
      text("train.regulariser", "none",
           "term added to the loss: sums over weights (l1, l2) or over neurons (group_lasso; spr: structured perspective regularisation, "
           "Cacciola et al., arXiv 2307.07457)",
           {"none", "group_lasso", "l1", "l2", "spr"}),
      only_if(real("train.regulariser_strength", 0, "1", "factor lambda of train.regulariser", 0),
              {is_regularised, {.parameter = "select.strengths", .values = {RealList{}}}}),
      only_if(std::move(alpha), {is_spr, {.parameter = "select.alphas", .values = {RealList{}}}}),
      only_if(text("train.spr_scaling", "size",
                   "spr: layers weighted by (inputs + 1) / parameters of the network (the authors' code), or all alike (their text)",
                   {"size", "plain"}),
              {is_spr}),
      only_if(text("train.spr_big_m", "trained",
                   "spr: M of a layer is its largest weight in the same network trained without regulariser, or in the initial one; where "
                   "that is 0 "
                   "(a dead layer) the training is a failed row that says so",
                   {"trained", "initial"}),
              {is_spr}),
  };
  for (Field& field : fields) field.exists_if.insert(field.exists_if.begin(), is_trained);
  // Of finetuning and random pruning as well.
  fields.push_back(boolean("train.shuffle", false, "samples in a new random order every epoch, or in the order of the file"));
  fields.push_back(integer("train.seed", 0, "", "seed of the initial weights and of the shuffling", 0));
  return fields;
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
           "what is pruned; none: the dense arm; threshold: neurons whose weights fall under a "
           "threshold found by bisection on the train accuracy, whatever the rate; exact: only what prune.proof proves to be superfluous",
           {"none", "magnitude", "random", "threshold", "exact"}),
      only_if(text("prune.structure", "unstructured", "single weights, or rows (neurons) by L1 norm", {"unstructured", "structured"}),
              {by_rate}),
      only_if(std::move(rate), {by_rate}),
      only_if(share("prune.tolerance", 5e-4, "threshold: accepted loss of train accuracy"), {by_threshold}),
      only_if(std::move(row_fraction), {by_threshold}),
      only_if(boolean("prune.compact", false,
                      "neurons without weights are removed from the network, their constants folded into the next biases"),
              {by_weights}),
      only_if(
          text("prune.proof", "none",
               "exact compression, after any finetuning: hidden neurons that bounds of this kind over all images, [0, 1]^n, prove to be "
               "off or "
               "linear are removed, or folded into fewer; the network computes the same on every image, up to the rounding of its weights",
               with_none(branch::bounds_method_names())),
          {is_pruned}),
      only_if(integer("prune.steps", 5, "steps", "compound steps; each prunes 1-(1-rate)^(1/steps) of what is left", 1, 1000), {by_rate}),
      only_if(boolean("prune.output", true, "whether the output layer is pruned as well (the code of Pham et al., arXiv 2505.01985, does)"),
              {by_weights}),
      only_if(text("prune.finetuning", "none",
                   "none; rewinding to the dense weights after every round (the code of Pham et al.); cumulative (their text)",
                   {"none", "rewinding", "cumulative"}),
              {by_weights}),
      only_if(integer("prune.epochs", 5, "epochs", "epochs of each finetuning round", 1, 1e6), {is_finetuned}),
      only_if(real("prune.learning_rate", 1e-2, "1", "learning rate of finetuning (SGD)", 0, true), {is_finetuned}),
      only_if(integer("prune.batch_size", 64, "samples", "mini-batch size of finetuning", 1, data::train_count), {is_finetuned}),
      only_if(integer("prune.seed", 0, "", "seed of random pruning, together with train.seed", 0), {is("prune.criterion", {"random"})})};
}

Field real_list(std::string name, std::string meaning, double minimum) {
  return {.name = std::move(name),
          .type = ValueType::real_list,
          .default_value = Value(RealList{}),
          .unit = "1",
          .meaning = std::move(meaning),
          .minimum = minimum,
          .choices = {}};
}

Schema select_fields() {
  Field alphas = real_list("select.alphas", "spr: each strength is tried with each of these; when empty, with train.spr_alpha", 0);
  alphas.minimum_open = alphas.maximum_open = true;
  alphas.maximum = 1;
  return {
      only_if(
          real_list("select.strengths",
                    "the network is trained and pruned with each of these instead of train.regulariser_strength, and the smallest one that "
                    "is accurate enough is embedded; when empty, nothing is selected",
                    0),
          {is_pruned, is_regularised}),
      only_if(std::move(alphas), {is_spr, is_selected}),
      only_if(
          real("select.margin", 0.01, "1",
               "accurate enough: test accuracy at least that of the unregularised network less this; if no network is, the selection is a "
               "failed row that names the best",
               0),
          {is_selected})};
}

Schema problem_fields() {
  Field transfer{.name = "problem.transfer_seeds",
                 .type = ValueType::integer_list,
                 .default_value = Value(IntegerList{}),
                 .unit = "",
                 .meaning = "adversarial inputs are also run through the dense networks trained with these train.seed and no regulariser",
                 .minimum = 0,
                 .choices = {},
                 .exists_if = {is_trained}};
  return {
      text("problem.split", "train", "which images of the data set: train (60,000) or test (10,000)", {"train", "test"}),
      integer("problem.sample_index", 0, "", "clean image: index in problem.split", 0, data::train_count - 1),
      text("problem.region", "l1",
           "norm that limits the change of the clean image: l1 (sum of the changes), l2 (Euclidean length; solvers bab and attack), linf "
           "(largest change) or row-wise (sum over the image's rows of the largest change in a row: what the code of Pham et al., arXiv "
           "2505.01985, limits); pixels stay in [0, 1]",
           {"l1", "l2", "linf", "row-wise"}),
      real("problem.epsilon", 5, "1", "radius of the region around the clean image, in its norm", 0, true),
      only_if(
          text(
              "problem.network", "dense",
              "whose adversarial input is sought: the dense network's, with the pruned one as its surrogate, or the embedded network's own",
              {"dense", "embedded"}),
          {is_pruned}),
      text(
          "problem.target", "second",
          "class to reach: the second one on the clean image, or any but the label (the largest margin of all is maximised, in one search)",
          {"second", "any"}),
      only_if(text("problem.label_source", "dense", "whose first and second class on the clean image are label and target",
                   {"dense", "surrogate"}),
              has_surrogate()),
      std::move(transfer)};
}

/// The engine's own list, with what this study wants otherwise.
Schema solve_fields() {
  Schema fields = engine::settings_record().parameters("solve.");
  for (Field& field : fields) {
    if (field.name == "solve.on_success") field.default_value = std::string("stop");  // Algorithm 1
    if (field.name == "solve.protocol") field.exists_if = has_surrogate();
  }
  fields.push_back(
      integer("repetition", 0, "", "number of the repetition; repeats the solve, not the training (use train.seed for that)", 0));
  return fields;
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
    field.exists_if.clear();  // of a row that has no value, the absence says it
    const bool is_dataset = field.name == "dataset_name", is_file = field.check_file != nullptr;
    columns.push_back(std::move(field));
    if (is_file) columns.push_back(text(task::file_hash_name(columns.back().name), std::nullopt, "XXH3-128 of the file's content"));
    if (is_dataset)
      columns.push_back(text("dataset_hash", std::nullopt, "XXH3-128 of the data set's content, which its files were checked to have"));
  }
  return columns;
}

}  // namespace espalier::stages
