#include "espalier/experiments/pipeline.hpp"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "espalier/base/error.hpp"
#include "espalier/data/dataset.hpp"
#include "espalier/engine/solve.hpp"
#include "espalier/experiments/parameters.hpp"
#include "experiments/selection.hpp"

namespace espalier::experiments {

using base::ErrorKind;
using task::IntegerList;
using task::Parameters;
using task::StageRequest;

namespace {

/// Planning does this millions of times, mostly to what is the default already.
void reset(Parameters& parameters, std::string_view name) {
  static const auto defaults = [] {
    std::unordered_map<std::string_view, const task::Value*> all;
    for (const task::Field& f : parameter_schema())
      if (f.default_value) all.emplace(f.name, &*f.default_value);
    return all;
  }();
  const task::Value& standard = *defaults.at(name);
  const task::Value* value = parameters.find(name);
  if (value == nullptr || *value != standard) parameters.set(name, standard);
}

void reset_section(Parameters& parameters, const char* section) {
  static const auto names = [] {
    std::unordered_map<std::string, std::vector<std::string>> all;
    for (const task::Field& f : parameter_schema()) all[section_of(f.name)].push_back(f.name);
    return all;
  }();
  for (const std::string& name : names.at(section)) reset(parameters, name);
}

bool selects(const Parameters& p) { return !p.reals("select.strengths").empty(); }

IntegerList hidden_widths(const Parameters& instance) {
  if (const IntegerList& given = instance.integers("network.hidden"); !given.empty()) return given;
  return IntegerList(static_cast<std::size_t>(instance.integer("network.depth")), instance.integer("network.width"));
}

/// Sets what cannot matter to its default, so that keys agree.
Parameters normalised(Parameters p) {
  const IntegerList hidden = hidden_widths(p);
  p.set("network.hidden", hidden);
  p.set("network.depth", static_cast<std::int64_t>(hidden.size()));
  p.set("network.width", *std::max_element(hidden.begin(), hidden.end()));
  if (p.integer("train.schedule_step") == 0) reset(p, "train.schedule_factor");
  if (p.text("train.regulariser") == "none") reset(p, "train.regulariser_strength");
  if (p.text("train.regulariser") != "spr")
    for (const char* name : {"train.spr_alpha", "train.spr_scaling", "train.spr_big_m"}) reset(p, name);
  if (p.text("prune.criterion") == "none") {
    reset_section(p, "prune");
    reset_section(p, "select");
    reset(p, "problem.network");  // dense and embedded network are the same
  }
  if (!selects(p)) reset_section(p, "select");
  if (selects(p)) reset(p, "train.regulariser_strength");
  if (!p.reals("select.alphas").empty()) reset(p, "train.spr_alpha");
  if (p.text("prune.criterion") == "none" || p.text("problem.network") == "embedded") {
    reset(p, "problem.label_source");
    reset(p, "solve.protocol");
  }
  if (p.text("prune.finetuning") == "none")
    for (const char* name : {"prune.epochs", "prune.learning_rate", "prune.batch_size"}) reset(p, name);
  if (p.text("prune.criterion") != "random") reset(p, "prune.seed");
  if (p.text("solve.solver") == "bab") {
    for (const char* name : {"solve.formulation", "solve.start"}) reset(p, name);
    p.set("solve.bounds", std::string("alpha-crown"));
  }
  if (p.text("solve.solver") == "attack")
    for (const char* name : {"solve.formulation", "solve.bounds", "solve.compress", "solve.start", "solve.node_limit"}) reset(p, name);
  if (p.text("prune.criterion") == "exact")
    for (const char* name : {"prune.compact", "prune.output"}) reset(p, name);
  if (p.text("prune.criterion") == "threshold" || p.text("prune.criterion") == "exact")
    for (const char* name : {"prune.structure", "prune.rate", "prune.steps"}) reset(p, name);
  if (p.text("prune.criterion") != "threshold")
    for (const char* name : {"prune.tolerance", "prune.row_fraction"}) reset(p, name);
  return p;
}

void check_selection(const Parameters& p) {
  const std::string& regulariser = p.text("train.regulariser");
  if (selects(p) && regulariser == "none")
    base::fail(ErrorKind::configuration, "select.strengths: they are strengths of a regulariser, but train.regulariser is none");
  if (p.reals("select.alphas").empty()) return;
  if (!selects(p)) base::fail(ErrorKind::configuration, "select.alphas: expected select.strengths to be given as well, found none");
  if (regulariser != "spr")
    base::fail(ErrorKind::configuration, "select.alphas: they are parameters of spr, but train.regulariser is {}", regulariser);
}

void check_exact(const Parameters& p) {
  if (p.text("prune.proof") == "none")
    base::fail(ErrorKind::configuration,
               "prune.proof: prune.criterion: exact removes what bounds prove to be superfluous: expected their kind, such as crown, "
               "found none");
  if (p.text("prune.finetuning") != "none")
    base::fail(ErrorKind::configuration, "prune.finetuning: prune.criterion: exact leaves the function as it is: expected none, found {}",
               p.text("prune.finetuning"));
}

void check_solver(const std::string& solver) {
  try {
    engine::check_settings({.solver = solver});
  } catch (const base::Error& error) {
    base::fail(error.kind(), "solve.{}", error.what());
  }
}

void check(const Parameters& p) {
  check_solver(p.text("solve.solver"));
  if (p.text("solve.goal") == "decide" && p.text("solve.on_success") == "continue")
    base::fail(ErrorKind::configuration,
               "solve.goal: decide ends at the first verified adversarial input; solve.on_success: continue contradicts it");
  if (p.text("train.optimizer") == "adam" && p.real("train.momentum") != 0)
    base::fail(ErrorKind::configuration, "train.momentum: {} is a parameter of sgd, but train.optimizer is adam", p.real("train.momentum"));
  if (p.text("prune.criterion") != "none") check_selection(p);
  if (p.text("prune.criterion") == "exact") check_exact(p);
  if (p.text("prune.criterion") == "threshold" && p.text("prune.finetuning") == "rewinding")
    base::fail(
        ErrorKind::configuration,
        "prune.finetuning: expected none or cumulative, found rewinding: prune.criterion: threshold prunes once, from trained weights");
}

/// The same network without regulariser: where spr takes its M from.
Parameters unregularised(Parameters p) {
  for (const task::Field& f : parameter_schema())
    if (f.name == "train.regulariser" || f.name == "train.regulariser_strength" || f.name.starts_with("train.spr_")) reset(p, f.name);
  return p;
}

/// One set of parameters for each strength and alpha, strengths slowest: the order of the select stage's candidates.
std::vector<Parameters> candidates(const Parameters& p) {
  std::vector<Parameters> all;
  for (const Choice& choice : choices(p.reals("select.strengths"), p.reals("select.alphas"), p.real("train.spr_alpha"))) {
    Parameters candidate = p;
    reset_section(candidate, "select");
    candidate.set("train.regulariser_strength", choice.strength);
    candidate.set("train.spr_alpha", choice.alpha);
    all.push_back(std::move(candidate));
  }
  return all;
}

/// The columns of the named sections, as parameters of a stage. With the name of the data set goes what it stands for, so that no key is
/// the same once that has changed.
Parameters take(const Parameters& instance, const std::vector<std::string>& sections) {
  struct Column {
    std::string parameter, name, section;
  };
  static const std::vector<Column> columns = [] {
    std::vector<Column> all;
    for (const task::Field& f : parameter_schema()) all.push_back({f.name, column_name(f.name), section_of(f.name)});
    std::sort(all.begin(), all.end(), [](const Column& a, const Column& b) { return a.parameter < b.parameter; });
    return all;
  }();
  Parameters taken;
  auto column = columns.begin();  // both are in the order of names
  for (const auto& [name, value] : instance.map()) {
    while (column != columns.end() && column->parameter != name) ++column;
    if (column == columns.end()) base::fail(ErrorKind::internal, "no parameter is called '{}'", name);
    if (std::find(sections.begin(), sections.end(), column->section) != sections.end()) taken.set(column->name, value);
  }
  if (const task::Value* dataset = taken.find("dataset_name")) taken.set("dataset_hash", data::content_hash(task::to_text(*dataset)));
  return taken;
}

// Expected seconds on one core, from sizes alone. The order of work depends on them until times are measured, and what `plan` says. They
// fit what was measured on one core (AVX-512, 2.x GHz): epochs of 324-32-32-10, 784-50-50-10, 784-100-100-10 and 784-64-64-64-64-10 within
// a factor of 1.3; the means of the solves of bench/results within a factor of 5.

/// An epoch over 60,000 samples: 1.2 ns for each input and 0.04 ns for each weight of a sample.
double epoch_seconds(const Parameters& p) {
  const double inputs = static_cast<double>(p.integer("dataset.side") * p.integer("dataset.side"));
  double weights = 0, width = inputs;
  for (const std::int64_t next : p.integers("network.hidden")) {
    weights += width * static_cast<double>(next);
    width = static_cast<double>(next);
  }
  weights += 10 * width;
  return 60000 * (1.2e-9 * inputs + 4e-11 * weights);
}

/// Grows exponentially with the neurons that are left: tenfold every 16 with bounds that ignore the ball, every 70 with Cbc, every 100 with
/// `bab`; sparse models are easier. The limit caps all.
double solve_seconds(const Parameters& p) {
  const std::string& solver = p.text("solve.solver");
  const double left = 1.0 - p.real("prune.rate");
  double neurons = 0;
  for (const std::int64_t width : p.integers("network.hidden")) neurons += static_cast<double>(width);
  if (p.text("prune.structure") == "structured") neurons *= left;
  const double tenfold = solver == "bab" || solver == "attack" ? 100 : p.text("solve.bounds") == "interval-box" ? 16 : 70;
  const double small = solver == "bab" || solver == "attack" ? 0.005 : 0.05;
  return std::min(p.real("solve.time_limit"), small * std::pow(10, neurons / tenfold) * std::pow(left, 1.5));
}

/// Appends the requests of one instance, parents first.
class Expansion {
 public:
  explicit Expansion(Parameters p) : p_(std::move(p)), epoch_seconds_(epoch_seconds(p_)) {}

  std::vector<StageRequest> run() {
    // Inputs of solve: the dense network, then its surrogate if there is one, then those that adversarial inputs are tried on.
    std::vector<std::size_t> networks{selects(p_) ? add("train", unregularised(p_), kTrainSections, {}, training_seconds())
                                                  : add_trained(p_)};
    if (selects(p_))
      networks.push_back(add_selected(networks.front()));
    else if (p_.text("prune.criterion") != "none")
      networks.push_back(add_pruned(p_, networks.front()));
    if (p_.text("problem.network") == "embedded") networks = {networks.back()};
    for (const std::int64_t seed : p_.integers("problem.transfer_seeds")) {
      Parameters other = unregularised(p_);
      other.set("train.seed", seed);
      networks.push_back(add("train", other, kTrainSections, {}, training_seconds()));
    }
    add("solve", p_, {"dataset", "network", "train", "prune", "select", "problem", "solve"}, networks, solve_seconds(p_));
    requests_.back().most_seconds = p_.real("solve.time_limit");
    return std::move(requests_);
  }

 private:
  inline static const std::vector<std::string> kTrainSections{"dataset", "network", "train"};

  double epochs(const char* name) const { return static_cast<double>(p_.integer(name)); }
  double training_seconds() const { return 1 + epochs("train.epochs") * epoch_seconds_; }

  std::size_t add(const char* kind, const Parameters& p, const std::vector<std::string>& sections, std::vector<std::size_t> parents,
                  double seconds) {
    requests_.push_back({kind, take(p, sections), std::move(parents), seconds});
    return requests_.size() - 1;
  }

  std::size_t add_trained(const Parameters& p) {
    std::vector<std::size_t> parents;
    if (p.text("train.regulariser") == "spr" && p.text("train.spr_big_m") == "trained")
      parents.push_back(add("train", unregularised(p), kTrainSections, {}, training_seconds()));
    return add("train", p, kTrainSections, parents, training_seconds());
  }

  std::size_t add_pruned(const Parameters& p, std::size_t trained) {
    const std::string& finetuning = p.text("prune.finetuning");
    const double round = epochs("prune.epochs") * epoch_seconds_;
    const bool by_threshold = p.text("prune.criterion") == "threshold";
    const double steps = by_threshold ? 1 : static_cast<double>(p.integer("prune.steps"));
    std::vector<std::size_t> parents{trained};
    double seconds = by_threshold ? 1 : 0.03;
    if (finetuning == "rewinding" && p.text("prune.criterion") != "random") {
      parents.push_back(add("first_round", p, kTrainSections, {trained}, round));
      for (const char* name : {"prune.epochs", "prune.learning_rate", "prune.batch_size"})
        requests_.back().parameters.set(column_name(name), *p.find(name));
      seconds += steps * round;
    } else if (finetuning != "none") {
      seconds += finetuning == "cumulative" ? steps * round : round;
    }
    return add("prune", p, {"dataset", "network", "train", "prune"}, parents, seconds);
  }

  /// P1's grid over lambda and alpha: a pruned network for each, and the choice among them.
  std::size_t add_selected(std::size_t baseline) {
    std::vector<std::size_t> parents{baseline};
    for (const Parameters& candidate : candidates(p_)) parents.push_back(add_pruned(candidate, add_trained(candidate)));
    return add("select", p_, {"dataset", "network", "train", "prune", "select"}, parents, 1);
  }

  Parameters p_;
  double epoch_seconds_;
  std::vector<StageRequest> requests_;
};

}  // namespace

std::vector<StageRequest> SurrogatePipeline::expand(const Parameters& instance) const {
  check(instance);
  return Expansion(normalised(instance)).run();
}

const task::Schema& SurrogatePipeline::schema() const { return parameter_schema(); }

}  // namespace espalier::experiments
