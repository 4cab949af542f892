#include "espalier/experiments/pipeline.hpp"

#include <algorithm>
#include <cmath>

#include "espalier/base/error.hpp"
#include "espalier/experiments/parameters.hpp"

namespace espalier::experiments {

using task::IntegerList;
using task::Parameters;
using task::StageRequest;

namespace {

const task::Field& field(std::string_view name) { return *task::find_field(parameter_schema(), name); }

void reset(Parameters& parameters, std::string_view name) { parameters.set(std::string(name), *field(name).default_value); }

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
    for (const task::Field& f : parameter_schema())
      if (f.name.starts_with("prune.")) reset(p, f.name);
    reset(p, "problem.network");  // dense and embedded network are the same
  }
  if (p.text("prune.criterion") == "none" || p.text("problem.network") == "embedded") {
    reset(p, "problem.label_source");
    reset(p, "solve.protocol");
  }
  if (p.text("prune.finetuning") == "none")
    for (const char* name : {"prune.epochs", "prune.learning_rate", "prune.batch_size"}) reset(p, name);
  if (p.text("prune.criterion") != "random") reset(p, "prune.seed");
  if (p.text("solve.solver") == "native") {
    for (const char* name : {"solve.formulation", "solve.start"}) reset(p, name);
    p.set("solve.bounds", std::string("symbolic-opt"));
  }
  if (p.text("solve.solver") == "attack")
    for (const char* name : {"solve.formulation", "solve.bounds", "solve.start", "solve.node_limit"}) reset(p, name);
  if (p.text("prune.criterion") == "threshold")
    for (const char* name : {"prune.structure", "prune.rate", "prune.steps"}) reset(p, name);
  else
    for (const char* name : {"prune.tolerance", "prune.row_fraction"}) reset(p, name);
  return p;
}

void check(const Parameters& p) {
  using base::ErrorKind;
  if (p.text("solve.goal") == "decide" && p.text("solve.on_success") == "continue")
    base::fail(ErrorKind::configuration,
               "solve.goal: decide ends at the first verified adversarial input; solve.on_success: continue contradicts it");
  if (p.text("train.optimizer") == "adam" && p.real("train.momentum") != 0)
    base::fail(ErrorKind::configuration, "train.momentum: {} is a parameter of sgd, but train.optimizer is adam", p.real("train.momentum"));
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

/// The columns of the named sections, as parameters of a stage.
Parameters take(const Parameters& instance, const std::vector<std::string>& sections) {
  Parameters taken;
  for (const auto& [name, value] : instance.map()) {
    const auto dot = name.find('.');
    const std::string section = dot == std::string::npos ? "solve" : name.substr(0, dot);
    if (std::find(sections.begin(), sections.end(), section) != sections.end()) taken.set(column_name(name), value);
  }
  return taken;
}

/// Rough seconds of one epoch on one core: 6 floating point operations per weight and sample (forward and backward) at 1e10 per
/// second, and a fixed share for the small layers. Only the order of work depends on it.
double epoch_seconds(const Parameters& p) {
  double weights = 0;
  double inputs = static_cast<double>(p.integer("dataset.side") * p.integer("dataset.side"));
  for (const std::int64_t width : p.integers("network.hidden")) {
    weights += inputs * static_cast<double>(width);
    inputs = static_cast<double>(width);
  }
  return 0.05 + 60000.0 * 6.0 * weights / 1e10;
}

/// Dense and unstructured problems run long, structured ones are over at once; the limit caps all.
double solve_seconds(const Parameters& p) {
  const double binaries = static_cast<double>(p.integer("network.depth") * p.integer("network.width"));
  const double dense = 0.02 * std::pow(binaries, 1.5) * (1.0 - p.real("prune.rate"));
  return std::min(p.real("solve.time_limit"), p.text("prune.structure") == "structured" ? 0.1 * dense : dense);
}

}  // namespace

const task::Schema& SurrogatePipeline::schema() const { return parameter_schema(); }

std::vector<StageRequest> SurrogatePipeline::expand(const Parameters& instance) const {
  check(instance);
  const Parameters p = normalised(instance);
  const double epoch = epoch_seconds(p);
  const auto epochs_of = [&](const char* name) { return static_cast<double>(p.integer(name)); };
  const double training = 1 + epochs_of("train.epochs") * epoch;
  const std::vector<std::string> train_sections{"dataset", "network", "train"};
  std::vector<StageRequest> requests;

  const bool reference = p.text("train.regulariser") == "spr" && p.text("train.spr_big_m") == "trained";
  if (reference) requests.push_back({"train", take(unregularised(p), train_sections), {}, training});
  requests.push_back({"train", take(p, train_sections), reference ? std::vector<std::size_t>{0} : std::vector<std::size_t>{}, training});
  const std::size_t dense = requests.size() - 1;

  // Inputs of solve: the dense network, then its surrogate if there is one, then those that adversarial inputs are tried on.
  std::vector<std::size_t> networks{dense};
  if (p.text("prune.criterion") != "none") {
    const std::string& finetuning = p.text("prune.finetuning");
    const double round = epochs_of("prune.epochs") * epoch;
    const bool by_threshold = p.text("prune.criterion") == "threshold";
    const double steps = by_threshold ? 1 : static_cast<double>(p.integer("prune.steps"));
    std::vector<std::size_t> parents{dense};
    double seconds = by_threshold ? 1 : 0.1;
    if (finetuning == "rewinding" && p.text("prune.criterion") != "random") {
      Parameters first = take(p, train_sections);
      for (const char* name : {"prune.epochs", "prune.learning_rate", "prune.batch_size"}) first.set(column_name(name), *p.find(name));
      requests.push_back({"first_round", std::move(first), {dense}, round});
      parents.push_back(requests.size() - 1);
      seconds += steps * round;
    } else if (finetuning != "none") {
      seconds += finetuning == "cumulative" ? steps * round : round;
    }
    requests.push_back({"prune", take(p, {"dataset", "network", "train", "prune"}), parents, seconds});
    networks.push_back(requests.size() - 1);
  }

  if (p.text("problem.network") == "embedded") networks = {networks.back()};
  for (const std::int64_t seed : p.integers("problem.transfer_seeds")) {
    Parameters other = unregularised(p);
    other.set("train.seed", seed);
    requests.push_back({"train", take(other, train_sections), {}, training});
    networks.push_back(requests.size() - 1);
  }

  requests.push_back({"solve", take(p, {"dataset", "network", "train", "prune", "problem", "solve"}), networks, solve_seconds(p),
                      p.real("solve.time_limit")});
  return requests;
}

}  // namespace espalier::experiments
