#include "espalier/certify/certify.hpp"

#include <cmath>

#include "espalier/base/error.hpp"
#include "espalier/nn/network.hpp"
#include "espalier/nn/rescale.hpp"

namespace espalier::certify {
namespace {

Eigen::Index top_class(const Eigen::VectorXd& logits) {
  Eigen::Index top = 0;
  logits.maxCoeff(&top);
  return top;
}

}  // namespace

Verifier::Verifier(const problem::Problem& problem)
    : problem_(problem),
      objective_(problem.objective()),
      clean_class_(top_class(nn::forward(problem.network, problem.input))),
      margin_unit_(nn::margin_unit(problem.network, objective_)) {}

Verified Verifier::verify(const Claim& claim) const {
  if (claim.input.size() != problem_.input.size()) {
    base::fail(base::ErrorKind::data, "problem '{}': claimed input: expected {} entries, found {}", problem_.name, problem_.input.size(),
               claim.input.size());
  }
  if (!claim.input.allFinite()) {
    base::fail(base::ErrorKind::numeric, "problem '{}': claimed input: expected finite numbers, found NaN or infinity", problem_.name);
  }
  Verified verified;
  verified.input_ = problem::repair(problem_.region(), claim.input);
  verified.distance_ = problem_.distance(verified.input_);
  const Eigen::VectorXd logits = nn::forward(problem_.network, verified.input_);
  const Eigen::VectorXf narrow_input = verified.input_.cast<float>();
  const Eigen::VectorXf narrow_logits = nn::forward(problem_.network, narrow_input);
  verified.margin_ = objective_(logits);
  verified.margin_float32_ = objective_(narrow_logits.cast<double>());
  verified.adversarial_ = verified.margin_ > adversarial_threshold * margin_unit_;
  verified.class_changed_ = top_class(logits) != clean_class_;
  if (!std::isfinite(verified.margin_)) {
    base::fail(base::ErrorKind::numeric, "problem '{}': margin at the claimed input: expected a finite number, found {}", problem_.name,
               verified.margin_);
  }
  return verified;
}

Verified Verifier::clean_input() const { return verify(Claim{.input = problem_.input, .objective = 0}); }

}  // namespace espalier::certify
