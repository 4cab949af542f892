#include "espalier/certify/witness.hpp"

#include <cmath>
#include <limits>

namespace espalier::certify {

namespace {

constexpr double float32_tolerance = 1e-4;  // of the competition

/// The float32 number next to x that is within [lower, upper]; x if there is none.
double narrowed(double x, double lower, double upper) {
  const auto nearest = static_cast<float>(x);
  const auto inside = [&](float value) { return static_cast<double>(value) >= lower && static_cast<double>(value) <= upper; };
  if (inside(nearest)) return nearest;
  const float other = std::nextafter(
      nearest, static_cast<double>(nearest) < lower ? std::numeric_limits<float>::infinity() : -std::numeric_limits<float>::infinity());
  return inside(other) ? other : x;
}

std::optional<Witness> check(const nn::Network& network, const problem::Property& property, const Eigen::VectorXd& input) {
  const Eigen::VectorXf narrow = input.cast<float>();
  Witness witness{.input = input, .outputs = nn::forward(network, narrow)};
  witness.margin = problem::margin(property, input, nn::forward(network, input));
  witness.margin_float32 = problem::margin(property, input, witness.outputs.cast<double>());
  if (!(witness.margin >= 0 && witness.margin_float32 >= -float32_tolerance)) return std::nullopt;
  return witness;
}

}  // namespace

std::optional<Witness> check_witness(const nn::Network& network, const problem::Property& property,
                                     const Eigen::Ref<const Eigen::VectorXd>& input) {
  for (const problem::BoxQuestion& question : property.boxes) {
    if (!((input.array() >= question.box.lower.array()) && (input.array() <= question.box.upper.array())).all()) continue;
    Eigen::VectorXd moved(input.size());
    for (Eigen::Index i = 0; i < input.size(); ++i) moved[i] = narrowed(input[i], question.box.lower[i], question.box.upper[i]);
    if (auto witness = check(network, property, moved)) return witness;
  }
  return check(network, property, input);
}

}  // namespace espalier::certify
