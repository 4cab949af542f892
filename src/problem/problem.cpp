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

void check_image(const Refusal& refuse, const std::string& object, const Eigen::VectorXd& image, Eigen::Index inputs) {
  refuse.unless(image.size() == inputs, object, fmt::format("{} entries (the network's inputs)", inputs), fmt::format("{}", image.size()));
  for (Eigen::Index k = 0; k < image.size(); ++k) {
    refuse.unless(image[k] >= 0.0 && image[k] <= 1.0, fmt::format("{}[{}]", object, k), "a number in [0, 1]", fmt::format("{}", image[k]));
  }
}

void check_class(const Refusal& refuse, const std::string& object, int value, Eigen::Index outputs) {
  refuse.unless(value >= 0 && value < outputs, object, fmt::format("a class in 0..{}", outputs - 1), fmt::format("{}", value));
}

void check_optional_fields(const Refusal& refuse, const Problem& problem) {
  if (problem.optimal_input) check_image(refuse, "optimal_input", *problem.optimal_input, problem.network.inputs());
  if (problem.optimum) {
    refuse.unless(std::isfinite(*problem.optimum), "optimum", "a finite number", fmt::format("{}", *problem.optimum));
  }
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
  check_image(refuse, "input", input, network.inputs());
  refuse.unless(std::isfinite(epsilon) && epsilon > 0, "epsilon", "a finite radius > 0", fmt::format("{}", epsilon));
  check_class(refuse, "label", label, network.outputs());
  check_class(refuse, "target", target, network.outputs());
  refuse.unless(label != target, "target", "a class other than the label", fmt::format("{} for both", label));
  check_network([this] { nn::margin_unit(network, label, target); });
  check_optional_fields(refuse, *this);
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
