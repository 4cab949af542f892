#include "espalier/problem/problem.hpp"

#include <cmath>

#include "espalier/base/error.hpp"
#include "espalier/nn/rescale.hpp"

namespace espalier::problem {
namespace {

/// Refuses with "<file>: problem '<name>': <object>: expected ..., found ...".
class Refusal {
 public:
  Refusal(const std::string& where, const std::string& name) : prefix_((where.empty() ? "" : where + ": ") + "problem '" + name + "': ") {}

  void unless(bool good, const std::string& object, const std::string& expected, const std::string& found) const {
    if (!good) base::fail(base::ErrorKind::data, "{}{}: expected {}, found {}", prefix_, object, expected, found);
  }
  const std::string& prefix() const { return prefix_; }

 private:
  std::string prefix_;
};

void check_length(const Refusal& refuse, const std::string& object, const Eigen::VectorXd& values, Eigen::Index inputs) {
  refuse.unless(values.size() == inputs, object, fmt::format("{} entries (the network's inputs)", inputs),
                fmt::format("{}", values.size()));
}

void check_box(const Refusal& refuse, const Box& box, Eigen::Index inputs) {
  constexpr double largest = 1e6;  // what arithmetic with float32 weights has room for
  check_length(refuse, "lower", box.lower, inputs);
  check_length(refuse, "upper", box.upper, inputs);
  for (Eigen::Index k = 0; k < inputs; ++k) {
    const double lower = box.lower[k], upper = box.upper[k];
    refuse.unless(std::abs(lower) <= largest, fmt::format("lower[{}]", k), "a number in [-1e6, 1e6]", fmt::format("{}", lower));
    refuse.unless(std::abs(upper) <= largest, fmt::format("upper[{}]", k), "a number in [-1e6, 1e6]", fmt::format("{}", upper));
    refuse.unless(lower <= upper, fmt::format("upper[{}]", k), fmt::format("at least lower[{}], which is {}", k, lower),
                  fmt::format("{}", upper));
  }
}

void check_image(const Refusal& refuse, const std::string& object, const Eigen::VectorXd& image, const Box& box) {
  check_length(refuse, object, image, box.lower.size());
  for (Eigen::Index k = 0; k < image.size(); ++k) {
    refuse.unless(image[k] >= box.lower[k] && image[k] <= box.upper[k], fmt::format("{}[{}]", object, k),
                  fmt::format("a number in [{}, {}]", box.lower[k], box.upper[k]), fmt::format("{}", image[k]));
  }
}

void check_class(const Refusal& refuse, const std::string& object, int value, Eigen::Index outputs) {
  refuse.unless(value >= 0 && value < outputs, object, fmt::format("a class in 0..{}", outputs - 1), fmt::format("{}", value));
}

void check_functions(const Refusal& refuse, const std::vector<nn::OutputFunction>& functions) {
  constexpr double largest = 1e9, smallest = 1e-100;
  const auto in_range = [](double value) { return value == 0 || (std::abs(value) >= smallest && std::abs(value) <= largest); };
  constexpr const char* range = "0 or a number of a size between 1e-100 and 1e9";
  for (std::size_t k = 0; k < functions.size(); ++k) {
    for (Eigen::Index i = 0; i < functions[k].coefficients.size(); ++i)
      refuse.unless(in_range(functions[k].coefficients[i]), fmt::format("functions[{}, {}]", k, i), range,
                    fmt::format("{}", functions[k].coefficients[i]));
    refuse.unless(in_range(functions[k].constant), fmt::format("constants[{}]", k), range, fmt::format("{}", functions[k].constant));
  }
}

void check_optional_fields(const Refusal& refuse, const Problem& problem, const Box& box) {
  if (problem.optimal_input) check_image(refuse, "optimal_input", *problem.optimal_input, box);
  if (problem.optimum) {
    refuse.unless(std::isfinite(*problem.optimum), "optimum", "a finite number", fmt::format("{}", *problem.optimum));
  }
  refuse.unless(problem.norm != Norm::row_wise || problem.input_side, "input_side", "the image's side (norm row-wise)", "none");
  if (problem.input_side) {
    const std::int64_t side = *problem.input_side;
    // Bounded before squaring: a wrong file must not overflow.
    refuse.unless(side > 0 && side <= 1'000'000 && side * side == problem.input.size(), "input_side",
                  fmt::format("the square root of the {} inputs", problem.input.size()), fmt::format("{}", side));
  }
}

}  // namespace

void Problem::check(const std::string& where) const {
  const Refusal refuse(where, name);
  const auto check_network = [&refuse](const auto& check) {
    try {
      check();
    } catch (const base::Error& error) {
      base::fail(error.kind(), "{}network: {}", refuse.prefix(), error.what());
    }
  };
  check_network([this] { network.check(); });
  const Box within = box ? *box : unit_box(network.inputs());
  check_box(refuse, within, network.inputs());
  check_image(refuse, "input", input, within);
  refuse.unless(norm == Norm::none || (std::isfinite(epsilon) && epsilon > 0), "epsilon", "a finite radius > 0",
                fmt::format("{}", epsilon));
  if (functions.empty()) {
    refuse.unless(network.outputs() >= 2, "network", "two outputs or more, a class each", fmt::format("{}", network.outputs()));
    check_class(refuse, "label", label, network.outputs());
    if (target) check_class(refuse, "target", *target, network.outputs());
    refuse.unless(label != target, "target", "a class other than the label", fmt::format("{} for both", label));
  } else {
    check_functions(refuse, functions);
    try {
      nn::check({.functions = functions}, network.outputs());
    } catch (const base::Error& error) {
      base::fail(error.kind(), "{}{}", refuse.prefix(), error.what());
    }
  }
  check_network([this] { static_cast<void>(nn::margin_unit(network, objective())); });
  check_optional_fields(refuse, *this, within);
}

nn::Objective Problem::objective() const {
  if (!functions.empty()) return {.functions = functions};
  return target ? nn::targeted(network.outputs(), label, *target) : nn::untargeted(network.outputs(), label);
}

Labels choose_labels(const nn::Network& network, const Eigen::Ref<const Eigen::VectorXd>& input) {
  if (network.layers.empty() || input.size() != network.inputs()) {
    base::fail(base::ErrorKind::data, "choose_labels: expected an input of length {}, found {}",
               network.layers.empty() ? 0 : network.inputs(), input.size());
  }
  if (network.outputs() < 2) {
    base::fail(base::ErrorKind::data, "choose_labels: expected a network with at least 2 outputs, found {}", network.outputs());
  }
  const Eigen::VectorXd logits = nn::forward(network, input);
  Labels labels{.label = 0, .target = -1};
  for (int c = 1; c < logits.size(); ++c) {
    if (logits[c] > logits[labels.label]) labels.label = c;
  }
  for (int c = 0; c < logits.size(); ++c) {
    if (c != labels.label && (labels.target < 0 || logits[c] > logits[labels.target])) labels.target = c;
  }
  return labels;
}

}  // namespace espalier::problem
