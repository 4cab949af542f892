#include "stages/network_options.hpp"

#include "espalier/base/hash.hpp"
#include "espalier/train/initial.hpp"

namespace espalier::stages {

using task::Parameters;

namespace {

int as_int(const Parameters& p, std::string_view name) { return static_cast<int>(p.integer(name)); }
float as_float(const Parameters& p, std::string_view name) { return static_cast<float>(p.real(name)); }
/// What does not exist in this variant does not matter to it.
double real_or(const Parameters& p, std::string_view name, double otherwise) { return p.contains(name) ? p.real(name) : otherwise; }
std::uint64_t as_seed(const Parameters& p, std::string_view name) { return static_cast<std::uint64_t>(p.integer(name)); }

}  // namespace

train::TrainOptions train_options(const Parameters& p) {
  return {.epochs = as_int(p, "train_epochs"),
          .batch_size = as_int(p, "train_batch_size"),
          .update_rule = p.text("train_optimizer"),
          .learning_rate = as_float(p, "train_learning_rate"),
          .update = {.momentum = static_cast<float>(real_or(p, "train_momentum", 0))},
          .weight_decay = as_float(p, "train_weight_decay"),
          .clip_gradient_norm = as_float(p, "train_clip_norm"),
          .decay_every_epochs = as_int(p, "train_schedule_step"),
          .decay_factor = static_cast<float>(real_or(p, "train_schedule_factor", 1)),
          .shuffle = p.boolean("train_shuffle"),
          .seed = as_seed(p, "train_seed")};
}

std::vector<std::shared_ptr<const train::Regulariser>> regularisers(const Parameters& p, const nn::Network* reference,
                                                                    const nn::Network& start) {
  const std::string& name = p.text("train_regulariser");
  if (name == "none") return {};
  train::RegulariserOptions options{.strength = p.real("train_regulariser_strength"), .alpha = real_or(p, "train_spr_alpha", 0.5)};
  if (name == "spr") {
    options.scaling = train::scaling_from(p.text("train_spr_scaling"));
    options.big_m = train::largest_weights(reference ? *reference : start);
  }
  return {train::make_regulariser(name, options)};
}

prune::FinetuneOptions finetune_options(const Parameters& p, prune::Finetune schedule) {
  prune::FinetuneOptions options{.schedule = schedule};
  options.round.epochs = as_int(p, "prune_epochs");
  options.round.batch_size = as_int(p, "prune_batch_size");
  options.round.learning_rate = as_float(p, "prune_learning_rate");
  options.round.seed = as_seed(p, "train_seed");
  options.round.shuffle = p.boolean("train_shuffle");
  return options;
}

prune::PruneOptions prune_options(const Parameters& p) {
  return {.criterion = p.text("prune_criterion"),
          .structure = prune::structure_from(p.text("prune_structure")),
          .rate = p.real("prune_rate"),
          .steps = as_int(p, "prune_steps"),
          .prune_output = p.boolean("prune_output"),
          .seed = base::Hasher().add(as_seed(p, "train_seed")).add(p.contains("prune_seed") ? as_seed(p, "prune_seed") : 0).finish().low};
}

nn::Network start_network(const Parameters& p) {
  const Eigen::Index side = p.integer("dataset_side");
  std::vector<Eigen::Index> widths{side * side};
  for (const std::int64_t width : p.integers("network_hidden")) widths.push_back(width);
  widths.push_back(10);
  return train::initial_network(widths, train::initialisation_from(p.text("train_initialization")), as_seed(p, "train_seed"));
}

prune::ThresholdOptions threshold_options(const Parameters& p) {
  return {.tolerance = p.real("prune_tolerance"), .row_fraction = p.real("prune_row_fraction"), .prune_output = p.boolean("prune_output")};
}

}  // namespace espalier::stages
