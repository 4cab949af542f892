#include "espalier/engine/verify.hpp"

#include <algorithm>

#include "espalier/base/clock.hpp"
#include "espalier/base/error.hpp"
#include "espalier/branch/input_splitting.hpp"
#include "espalier/engine/solve.hpp"

namespace espalier::engine {

namespace {

constexpr std::int64_t few_inputs = 10;

struct BoxAnswer {
  Verdict verdict = Verdict::unknown;
  std::string detail;
};

class PropertySearch {
 public:
  PropertySearch(const nn::Network& network, const problem::Property& property, const VerifySettings& settings, Verification& result)
      : network_(network),
        property_(property),
        settings_(settings),
        budget_(settings.time_limit_seconds, settings.stop_requested),
        result_(result) {}

  BoxAnswer answer(const problem::BoxQuestion& question) {
    result_.splitting = settings_.splitting.value_or(choose(question));
    return result_.splitting == Splitting::inputs ? split_inputs(question) : split_phases(question);
  }

 private:
  static bool has_single_functions(const problem::BoxQuestion& question) {
    return std::ranges::all_of(question.unsafe, [](const problem::Conjunction& conjunction) { return conjunction.size() == 1; });
  }

  static Splitting choose(const problem::BoxQuestion& question) {
    const auto free = (question.box.upper.array() > question.box.lower.array()).count();
    return free <= few_inputs || !has_single_functions(question) ? Splitting::inputs : Splitting::phases;
  }

  bool accept(const Eigen::VectorXd& input) {
    result_.witness = certify::check_witness(network_, property_, input);
    return result_.witness.has_value();
  }

  BoxAnswer split_inputs(const problem::BoxQuestion& question) {
    const branch::Outcome outcome = branch::split_inputs(
        network_, question,
        {.budget = budget_, .on_improvement = [&](const Eigen::VectorXd& input, double margin) { return margin >= 0 && accept(input); }});
    result_.nodes += outcome.nodes;
    if (result_.witness) return {.verdict = Verdict::sat, .detail = ""};
    switch (outcome.end) {
      case branch::End::closed:
        return {.verdict = Verdict::unsat, .detail = ""};
      case branch::End::time:
        return {.verdict = Verdict::timeout, .detail = "time limit"};
      case branch::End::unresolved:
        return {.detail = "an input is on the border of being unsafe, and float64 cannot tell"};
      default:
        return {.detail = "stopped"};
    }
  }

  BoxAnswer split_phases(const problem::BoxQuestion& question) {
    if (!has_single_functions(question))
      base::fail(base::ErrorKind::configuration, "splitting: expected inputs for conjunctions of several functions, found phases");
    problem::Problem problem{.name = "property", .network = network_, .input = 0.5 * (question.box.lower + question.box.upper)};
    problem.norm = problem::Norm::none;
    problem.box = question.box;
    for (const problem::Conjunction& conjunction : question.unsafe) problem.functions.push_back(conjunction.front());
    const SolveResult solved = solve(problem, {.goal = Goal::decide,
                                               .time_limit_seconds = budget_.seconds_left(),
                                               .memory_limit_mib = settings_.memory_limit_mib,
                                               .seed = settings_.seed,
                                               .stop_requested = settings_.stop_requested});
    result_.nodes += solved.nodes;
    if (solved.adversarial_input && accept(*solved.adversarial_input)) return {.verdict = Verdict::sat, .detail = ""};
    if (solved.status == Status::robust) return {.verdict = Verdict::unsat, .detail = ""};
    if (solved.limit == "time") return {.verdict = Verdict::timeout, .detail = "time limit"};
    return {.detail = solved.reason + (solved.detail.empty() ? "" : ": " + solved.detail)};
  }

  const nn::Network& network_;
  const problem::Property& property_;
  const VerifySettings& settings_;
  base::Budget budget_;
  Verification& result_;
};

/// y = W x + b as a network with a hidden layer, for searches that need one: W max(0, x) - W max(0, -x) + b.
nn::Network with_hidden_layer(const nn::Network& network) {
  const nn::Layer& only = network.layers.front();
  nn::Layer hidden{.weight = nn::WeightMatrix::Zero(2 * only.inputs(), only.inputs()), .bias = Eigen::VectorXf::Zero(2 * only.inputs())};
  hidden.weight.topRows(only.inputs()).setIdentity();
  hidden.weight.bottomRows(only.inputs()) = -hidden.weight.topRows(only.inputs());
  nn::Layer output{.weight = nn::WeightMatrix(only.outputs(), 2 * only.inputs()), .bias = only.bias};
  output.weight << only.weight, -only.weight;
  return {.layers = {std::move(hidden), std::move(output)}};
}

void check_sizes(const nn::Network& network, const problem::Property& property) {
  if (network.inputs() != property.inputs || network.outputs() != property.outputs)
    base::fail(base::ErrorKind::data, "property: expected {} inputs and {} outputs (the network's), found {} and {}", network.inputs(),
               network.outputs(), property.inputs, property.outputs);
}

}  // namespace

Verification verify(const nn::Network& network, const problem::Property& property, const VerifySettings& settings) {
  network.check();
  check_sizes(network, property);
  if (network.hidden_layers() == 0) return verify(with_hidden_layer(network), property, settings);
  const base::Stopwatch watch;
  Verification result{.verdict = Verdict::unsat};
  PropertySearch search(network, property, settings, result);
  for (const problem::BoxQuestion& question : property.boxes) {
    const BoxAnswer answer = search.answer(question);
    ++result.boxes;
    if (answer.verdict == Verdict::unsat) continue;
    if (result.verdict == Verdict::unsat || answer.verdict == Verdict::sat) {
      result.verdict = answer.verdict;
      result.detail = answer.detail;
    }
    if (answer.verdict == Verdict::sat) break;
  }
  result.seconds = watch.wall_seconds();
  result.cpu_seconds = watch.cpu_seconds();
  return result;
}

}  // namespace espalier::engine
