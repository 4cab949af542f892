// The maximum of a small network's margin without any of the engines: one linear program for each activation pattern.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "espalier/milp/linear_program.hpp"
#include "espalier/problem/problem.hpp"

namespace espalier::testing {

/// Where the phases of all hidden neurons are fixed, every pre-activation is an affine function of the input, and the inputs with these
/// phases are a polytope. Neuron by neuron, first layer to last, both phases are tried; a polytope that is empty is left. For the tests'
/// small problems, in ordinary units.
class Enumeration {
 public:
  explicit Enumeration(const problem::Problem& problem) : problem_(problem), region_(problem.region()) {}

  double maximum() {
    visit({.weight = Matrix::Identity(region_.dimension(), region_.dimension()), .bias = Eigen::VectorXd::Zero(region_.dimension())}, 0);
    return maximum_;
  }
  /// Polytopes that were not empty.
  int patterns() const { return patterns_; }

 private:
  using Matrix = Eigen::MatrixXd;
  struct Affine {
    Matrix weight;
    Eigen::VectorXd bias;
  };

  /// `h`: outputs of the layer before as functions of the input.
  void visit(const Affine& h, std::size_t layer) {
    const nn::Layer& own = problem_.network.layers[layer];
    Affine g{.weight = own.weight.cast<double>() * h.weight, .bias = own.weight.cast<double>() * h.bias + own.bias.cast<double>()};
    if (layer + 1 < problem_.network.layers.size()) return fix(g, 0, layer);
    for (const nn::OutputFunction& f : problem_.objective().functions)
      take(f.coefficients.transpose() * g.weight, f.coefficients.dot(g.bias) + f.constant);
  }

  /// Fixes neuron i and those behind it; of those before it, `g` is the output already.
  void fix(const Affine& g, Eigen::Index i, std::size_t layer) {
    if (i == g.bias.size()) return visit(g, layer + 1);
    const Eigen::RowVectorXd weight = g.weight.row(i);
    const double at_centre = weight * region_.centre + g.bias[i];
    const bool may_be_on = at_centre + problem::maximise_linear(region_, weight.transpose()).value >= 0;
    const bool may_be_off = at_centre - problem::maximise_linear(region_, -weight.transpose()).value <= 0;
    for (const double phase : {1.0, -1.0}) {
      if (phase > 0 ? !may_be_on : !may_be_off) continue;
      const bool decided = !may_be_on || !may_be_off;
      if (!decided) sides_.push_back({phase * weight, phase * g.bias[i]});
      if (decided || solve(Eigen::RowVectorXd::Zero(weight.size()), 0).status == milp::LinearProgram::Status::optimal) {
        Affine next = g;
        if (phase < 0) {
          next.weight.row(i).setZero();
          next.bias[i] = 0;
        }
        fix(next, i + 1, layer);
      }
      if (!decided) sides_.pop_back();
    }
  }

  void take(const Eigen::RowVectorXd& weight, double constant) {
    const milp::LinearProgram::Solution solution = solve(weight, constant);
    if (solution.status != milp::LinearProgram::Status::optimal) return;
    ++patterns_;
    maximum_ = std::max(maximum_, solution.objective);
  }

  /// max weight x + constant over the inputs x0 + p - n of the region with the phases that are fixed.
  milp::LinearProgram::Solution solve(const Eigen::RowVectorXd& weight, double constant) const {
    milp::Model model;
    std::vector<milp::Column> plus, minus;
    for (Eigen::Index k = 0; k < region_.dimension(); ++k) {
      plus.push_back(model.add_column({.upper = region_.box.upper[k] - region_.centre[k], .name = {}}));
      minus.push_back(model.add_column({.upper = region_.centre[k] - region_.box.lower[k], .name = {}}));
    }
    // One column t for each row of the budget; of an L1 ball each input is a row.
    milp::RowData budget{.upper = region_.radius, .terms = {}, .name = {}};
    for (Eigen::Index first = 0; first < region_.dimension(); first += region_.row_length) {
      const milp::Column t = model.add_column({.name = {}});
      budget.terms.push_back({t, 1});
      for (auto k = static_cast<std::size_t>(first); k < static_cast<std::size_t>(first + region_.row_length); ++k)
        model.add_row({.upper = 0, .terms = {{plus[k], 1}, {minus[k], 1}, {t, -1}}, .name = {}});
    }
    const auto terms_of = [&](const Eigen::RowVectorXd& w) {
      std::vector<milp::Term> terms;
      for (std::size_t k = 0; k < plus.size(); ++k) {
        const double value = w[static_cast<Eigen::Index>(k)];
        terms.insert(terms.end(), {{plus[k], value}, {minus[k], -value}});
      }
      return terms;
    };
    if (!region_.euclidean) model.add_row(std::move(budget));
    for (const auto& [side, bias] : sides_) model.add_row({.lower = -bias - side * region_.centre, .terms = terms_of(side), .name = {}});
    model.set_objective(milp::Sense::maximise, terms_of(weight), constant + weight * region_.centre);
    for (;;) {
      const milp::LinearProgram::Solution solution = milp::LinearProgram(model).solve();
      if (region_.is_polytope() || solution.status != milp::LinearProgram::Status::optimal) return solution;
      // Euclidean: the half-space that touches the ball where the solution leaves it, until none does.
      Eigen::RowVectorXd change(region_.dimension());
      for (std::size_t k = 0; k < plus.size(); ++k)
        change[static_cast<Eigen::Index>(k)] =
            solution.x[static_cast<std::size_t>(plus[k].index)] - solution.x[static_cast<std::size_t>(minus[k].index)];
      if (change.norm() <= region_.radius + 2e-7) return solution;  // rows hold up to 1e-7
      change.normalize();
      model.add_row({.upper = region_.radius, .terms = terms_of(change), .name = {}});
    }
  }

  const problem::Problem& problem_;
  problem::Region region_;
  std::vector<std::pair<Eigen::RowVectorXd, double>> sides_;  ///< weight x + bias >= 0
  double maximum_ = -std::numeric_limits<double>::infinity();
  int patterns_ = 0;
};

/// The problem with the maximum of its margin, up to the linear programs' tolerance of 1e-7.
inline problem::Problem with_optimum(problem::Problem problem) {
  problem.optimum = Enumeration(problem).maximum();
  return problem;
}

}  // namespace espalier::testing
