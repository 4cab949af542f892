#include "espalier/stages/chain.hpp"

#include <algorithm>
#include <cmath>

#include "espalier/base/error.hpp"
#include "espalier/data/dataset.hpp"
#include "espalier/engine/solve.hpp"
#include "espalier/stages/parameters.hpp"
#include "espalier/task/variants.hpp"
#include "stages/problem_parameters.hpp"
#include "stages/selection.hpp"

namespace espalier::stages {

using base::ErrorKind;
using task::IntegerList;
using task::Parameters;
using task::StageRequest;

namespace {

/// Whether a parameter exists in this variant and has this value.
bool is(const Parameters& p, std::string_view name, std::string_view word) { return p.contains(name) && p.text(name) == word; }

bool selects(const Parameters& p) { return p.contains("select.strengths") && !p.reals("select.strengths").empty(); }

IntegerList hidden_widths(const Parameters& instance) {
  if (const IntegerList& given = instance.integers("network.hidden"); !given.empty()) return given;
  return IntegerList(static_cast<std::size_t>(instance.integer("network.depth")), instance.integer("network.width"));
}

const task::Variants& variants() {
  static const task::Variants all(parameter_schema());
  return all;
}

/// The dense network is a file.
bool is_given(const Parameters& p) { return p.contains("network.file") && p.text("network.file") != "none"; }

/// Widths, whichever way they were given, and only what exists beside the rest: the parameters that make keys and columns.
Parameters complete(Parameters p) {
  p.set("dataset.hash", data::content_hash(p.text("dataset.name")));  // no key is the same once what the name stands for has changed
  if (is_given(p)) {
    variants().remove_absent(p);
    p.intern();
    return p;
  }
  const IntegerList hidden = hidden_widths(p);
  p.set("network.hidden", hidden);
  p.set("network.depth", static_cast<std::int64_t>(hidden.size()));
  p.set("network.width", *std::max_element(hidden.begin(), hidden.end()));
  variants().remove_absent(p);
  p.erase_if([](const std::string& name) { return name == "network.file"; });
  p.intern();
  return p;
}

void check_exact(const Parameters& p) {
  if (p.text("prune.proof") == "none")
    base::fail(ErrorKind::configuration,
               "prune.proof: prune.criterion: exact removes what bounds prove to be superfluous: expected their kind, such as crown, "
               "found none");
}

void check_solver(const std::string& solver, problem::Norm norm) {
  try {
    engine::check_settings({.solver = solver});
    engine::check_norm(solver, norm);
  } catch (const base::Error& error) {
    base::fail(error.kind(), "solve.{}", error.what());
  }
}

void check(const Parameters& p) {
  const ProblemParameters problem = problem_record().from(p, "problem.");
  check_solver(p.text("solve.solver"), problem.region);
  if (problem.split == Split::test && problem.sample_index >= data::test_count)
    base::fail(ErrorKind::configuration, "problem.sample_index: expected 0 to {} (problem.split: test), found {}", data::test_count - 1,
               problem.sample_index);
  if (p.text("prune.criterion") == "exact") check_exact(p);
  if (p.text("prune.criterion") == "threshold" && is(p, "prune.finetuning", "rewinding"))
    base::fail(
        ErrorKind::configuration,
        "prune.finetuning: expected none or cumulative, found rewinding: prune.criterion: threshold prunes once, from trained weights");
}

/// The same network without regulariser: where spr takes its M from.
Parameters unregularised(Parameters p) {
  p.set("train.regulariser", std::string("none"));
  variants().remove_absent(p);
  p.intern();
  return p;
}

/// One set of parameters for each strength and alpha, strengths slowest: the order of the select stage's candidates.
std::vector<Parameters> candidates(const Parameters& p) {
  std::vector<Parameters> all;
  const bool is_spr = p.text("train.regulariser") == "spr";
  const task::RealList alphas = p.contains("select.alphas") ? p.reals("select.alphas") : task::RealList{};
  for (const Choice& choice : choices(p.reals("select.strengths"), alphas, p.contains("train.spr_alpha") ? p.real("train.spr_alpha") : 0)) {
    Parameters candidate = p;
    candidate.erase_if([](const std::string& name) { return section_of(name) == "select"; });
    candidate.set("train.regulariser_strength", choice.strength);
    if (is_spr) candidate.set("train.spr_alpha", choice.alpha);
    candidate.intern();
    all.push_back(std::move(candidate));
  }
  return all;
}

// Expected seconds on one core, from sizes alone. The order of work depends on them until times are measured, and what `plan` says. They
// fit what was measured on one core (AVX-512, 2.x GHz): epochs of 324-32-32-10, 784-50-50-10, 784-100-100-10 and 784-64-64-64-64-10 within
// a factor of 1.3; the means of the solves of bench/results within a factor of 5.

/// Of a file, which is not read here, a guess.
IntegerList known_widths(const Parameters& p) { return is_given(p) ? IntegerList{64, 64} : p.integers("network.hidden"); }

/// An epoch over 60,000 samples: 1.2 ns for each input and 0.04 ns for each weight of a sample.
double epoch_seconds(const Parameters& p) {
  const double inputs = static_cast<double>(p.integer("dataset.side") * p.integer("dataset.side"));
  double weights = 0, width = inputs;
  for (const std::int64_t next : known_widths(p)) {
    weights += width * static_cast<double>(next);
    width = static_cast<double>(next);
  }
  weights += 10 * width;
  return data::train_count * (1.2e-9 * inputs + 4e-11 * weights);
}

/// Grows exponentially with the neurons that are left: tenfold every 16 with bounds that ignore the region, every 70 with Cbc, every 100
/// with `bab`; sparse models are easier. The limit caps all.
double solve_seconds(const Parameters& p) {
  const std::string& solver = p.text("solve.solver");
  const double left = p.contains("prune.rate") ? 1.0 - p.real("prune.rate") : 1.0;
  double neurons = 0;
  for (const std::int64_t width : known_widths(p)) neurons += static_cast<double>(width);
  if (is(p, "prune.structure", "structured")) neurons *= left;
  const double tenfold = engine::is_own_solver(solver) ? 100 : is(p, "solve.bounds", "interval-box") ? 16 : 70;
  const double small = engine::is_own_solver(solver) ? 0.005 : 0.05;
  return std::min(p.real("solve.time_limit"), small * std::pow(10, neurons / tenfold) * std::pow(left, 1.5));
}

/// Appends the requests of one instance, parents first.
class Expansion {
 public:
  explicit Expansion(Parameters p) : p_(std::move(p)), epoch_seconds_(epoch_seconds(p_)) {}

  std::vector<StageRequest> run() {
    // Inputs of solve: the dense network, then its surrogate if there is one, then those that adversarial inputs are tried on.
    std::vector<std::size_t> networks{selects(p_) ? add("train", unregularised(p_), train_sections, {}, training_seconds())
                                                  : add_trained(p_)};
    if (selects(p_))
      networks.push_back(add_selected(networks.front()));
    else if (p_.text("prune.criterion") != "none")
      networks.push_back(add_pruned(p_, networks.front()));
    if (is(p_, "problem.network", "embedded")) networks = {networks.back()};
    for (const std::int64_t seed : is_given(p_) ? IntegerList() : p_.integers("problem.transfer_seeds")) {
      Parameters other = unregularised(p_);
      other.set("train.seed", seed);
      other.intern();
      networks.push_back(add("train", other, train_sections, {}, training_seconds()));
    }
    add("solve", p_, {"dataset", "network", "train", "prune", "select", "problem", "solve", "repetition"}, networks, solve_seconds(p_));
    requests_.back().most_seconds = p_.real("solve.time_limit");
    return std::move(requests_);
  }

 private:
  inline static const std::vector<std::string> train_sections{"dataset", "network", "train"};

  double epochs(const char* name) const { return static_cast<double>(p_.integer(name)); }
  double training_seconds() const { return 1 + epochs("train.epochs") * epoch_seconds_; }

  std::size_t add(const char* kind, const Parameters& p, const std::vector<std::string>& sections, std::vector<std::size_t> parents,
                  double seconds) {
    requests_.push_back({kind, p.columns_of(sections), std::move(parents), seconds});
    return requests_.size() - 1;
  }

  std::size_t add_trained(const Parameters& p) {
    if (is_given(p)) return add("import", p, {"dataset", "network"}, {}, 1);
    std::vector<std::size_t> parents;
    if (is(p, "train.spr_big_m", "trained")) parents.push_back(add("train", unregularised(p), train_sections, {}, training_seconds()));
    return add("train", p, train_sections, parents, training_seconds());
  }

  std::size_t add_pruned(const Parameters& p, std::size_t trained) {
    const std::string finetuning = p.contains("prune.finetuning") ? p.text("prune.finetuning") : "none";
    const double round = finetuning == "none" ? 0 : epochs("prune.epochs") * epoch_seconds_;
    const bool by_threshold = p.text("prune.criterion") == "threshold";
    const double steps = p.contains("prune.steps") ? static_cast<double>(p.integer("prune.steps")) : 1;
    std::vector<std::size_t> parents{trained};
    double seconds = by_threshold ? 1 : 0.03;
    if (finetuning == "rewinding" && p.text("prune.criterion") != "random") {
      parents.push_back(add("first_round", p, train_sections, {trained}, round));
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

std::vector<StageRequest> expand_chain(const Parameters& instance) {
  Parameters p = complete(instance);
  check(p);
  return Expansion(std::move(p)).run();
}

}  // namespace espalier::stages
