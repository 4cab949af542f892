#include "branch/optimality_tightening.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "branch/node_relaxation.hpp"

namespace espalier::branch {
namespace {

constexpr double shares[]{0.7, 0.3};  ///< of the largest useful mu

/// sign g_i + mu (margin - cutoff_value) is to be bounded.
struct Wanted {
  Eigen::Index neuron = 0;
  double sign = 1;
  double mu = 0;
};

/// `at_maximiser`: the layer's pre-activations at the relaxed margin's maximiser, whose value is cutoff_value + gap: with a mu above
/// (upper - at_maximiser) / gap the bound there alone is above `upper`.
std::vector<Wanted> wanted_bounds(const LayerState& layer, const Eigen::RowVectorXd& at_maximiser, double gap) {
  std::vector<Wanted> wanted;
  for (Eigen::Index i = 0; i < layer.slope.size(); ++i) {
    if (!layer.open(i)) continue;
    for (const double share : shares) {
      wanted.push_back({.neuron = i, .sign = 1, .mu = share * std::max(0.0, layer.bounds.upper[i] - at_maximiser[i]) / gap});
      wanted.push_back({.neuron = i, .sign = -1, .mu = share * std::max(0.0, at_maximiser[i] - layer.bounds.lower[i]) / gap});
    }
  }
  return wanted;
}

bounds::PreActivationRows rows_of(std::span<const Wanted> wanted, const bounds::PreActivationRows& margin, double cutoff_value,
                                  const bounds::Propagation& propagation) {
  const auto count = static_cast<Eigen::Index>(wanted.size());
  bounds::PreActivationRows rows{.layer = margin.layer,
                                 .coefficients = Rows(count, margin.coefficients.cols()),
                                 .constant = Eigen::VectorXd(count),
                                 .padding = Eigen::VectorXd(count)};
  for (Eigen::Index r = 0; r < count; ++r) {
    const Wanted& w = wanted[static_cast<std::size_t>(r)];
    rows.coefficients.row(r) = w.mu * margin.coefficients.row(0);
    rows.coefficients(r, w.neuron) += w.sign;
    rows.constant[r] = w.mu * (margin.constant[0] - cutoff_value);
    // Coefficients may cancel: the padding is that of the two terms. 2^-50 is 8 unit roundoffs.
    rows.padding[r] = propagation.padding(margin.layer, w.neuron) +
                      w.mu * (margin.padding[0] + 0x1.0p-50 * (std::abs(margin.constant[0]) + std::abs(cutoff_value)));
  }
  return rows;
}

Eigen::VectorXd mu_of(std::span<const Wanted> wanted) {
  Eigen::VectorXd mu(static_cast<Eigen::Index>(wanted.size()));
  for (Eigen::Index r = 0; r < mu.size(); ++r) mu[r] = wanted[static_cast<std::size_t>(r)].mu;
  return mu;
}

void take(std::span<const Wanted> wanted, const Eigen::VectorXd& upper, std::size_t layer, Node& node) {
  LayerState& state = node.layers[layer];
  for (std::size_t r = 0; r < wanted.size(); ++r) {
    const Eigen::Index i = wanted[r].neuron;
    const double value = upper[static_cast<Eigen::Index>(r)];
    double &lower_bound = state.bounds.lower[i], &upper_bound = state.bounds.upper[i];
    if (wanted[r].sign > 0)
      upper_bound = std::min(upper_bound, value);
    else
      lower_bound = std::max(lower_bound, -value);
    if (lower_bound > upper_bound) node.empty = true;
    if (!state.open(i)) state.split[i] = lower_bound >= 0 ? 1 : -1;
  }
}

}  // namespace

std::int64_t tighten_by_cutoff(bounds::Propagation& propagation, const bounds::AffineRows& margin, double cutoff_value,
                               const base::Budget& budget, Node& node) {
  std::int64_t rows_back = 0;
  Node* const one[] = {&node};
  bounds::BackwardPass pass;
  std::vector<Rows> pre_activations;
  for (std::size_t layer = 0; layer < propagation.hidden_layers() && !node.empty; ++layer) {
    const std::vector<bounds::LayerRelaxation> relaxation = lines_of(one);
    propagation.backward(margin, relaxation, pass);
    ++rows_back;
    node.bound = std::min(node.bound, pass.upper[0]);
    const double gap = pass.upper[0] - cutoff_value;
    if (!(gap > 0 && gap < std::numeric_limits<double>::infinity())) break;
    propagation.relaxed_forward(pass, relaxation, pre_activations);
    const std::vector<Wanted> wanted = wanted_bounds(node.layers[layer], pre_activations[layer].row(0), gap);
    if (wanted.empty()) continue;
    const bounds::PreActivationRows margin_here = propagation.upper_functions(margin, relaxation, layer);
    const auto most = static_cast<std::size_t>(propagation.rows_at_a_time(layer));
    for (std::size_t begin = 0; begin < wanted.size() && !node.empty; begin += most) {
      if (budget.spent()) throw Interrupted{};
      const std::span<const Wanted> part(wanted.data() + begin, std::min(most, wanted.size() - begin));
      std::vector<bounds::LayerRelaxation> below(relaxation.begin(), relaxation.begin() + static_cast<std::ptrdiff_t>(layer));
      for (bounds::LayerRelaxation& line : below) line.split_multiplier = (mu_of(part) * line.split_multiplier).eval();
      propagation.backward(rows_of(part, margin_here, cutoff_value, propagation), below, pass);
      rows_back += static_cast<std::int64_t>(part.size());
      take(part, pass.upper, layer, node);
    }
  }
  return rows_back;
}

}  // namespace espalier::branch
