#include "espalier/bounds/propagation.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "bounds/interval.hpp"

namespace espalier::bounds {

LinearRelaxation linear_relaxation(double lower, double upper) {
  if (upper <= 0) return {};
  if (lower >= 0) return {.upper_slope = 1, .upper_intercept = 0, .lower_slope = 1};
  const double slope = upper / (upper - lower);
  // The chord with its rounded slope is above both end points; 2^-50 is 8 unit roundoffs.
  const double intercept = std::max(-slope * lower, upper * (1 - slope)) * (1 + 0x1.0p-50);
  return {.upper_slope = slope, .upper_intercept = intercept, .lower_slope = upper > -lower ? 1.0 : 0.0};
}

LayerRelaxation make_relaxation(const LayerBounds& bounds, Eigen::Index rows) {
  const Eigen::Index width = bounds.lower.size();
  Eigen::RowVectorXd slope(width), intercept(width), lower_slope(width);
  for (Eigen::Index i = 0; i < width; ++i) {
    const LinearRelaxation relaxation = linear_relaxation(bounds.lower[i], bounds.upper[i]);
    slope[i] = relaxation.upper_slope;
    intercept[i] = relaxation.upper_intercept;
    lower_slope[i] = relaxation.lower_slope;
  }
  return {.upper_slope = slope.replicate(rows, 1),
          .upper_intercept = intercept.replicate(rows, 1),
          .lower_slope = lower_slope.replicate(rows, 1),
          .split_multiplier = {}};
}

AffineRows AffineRows::rows(std::span<const Eigen::Index> indices) const {
  const auto count = static_cast<Eigen::Index>(indices.size());
  AffineRows chosen{.layer = layer,
                    .coefficients = Rows(count, coefficients.cols()),
                    .constant = Eigen::VectorXd(count),
                    .padding = Eigen::VectorXd(count)};
  for (Eigen::Index r = 0; r < count; ++r) {
    const Eigen::Index from = indices[static_cast<std::size_t>(r)];
    chosen.coefficients.row(r) = coefficients.row(from);
    chosen.constant[r] = constant[from];
    chosen.padding[r] = padding[from];
  }
  return chosen;
}

Propagation::Propagation(const nn::Network& network, const problem::Region& region, const Bounds& valid)
    : region_(region), maximiser_(region), output_layer_(network.layers.back()) {
  for (const nn::Layer& layer : network.layers) {
    weights_.emplace_back(layer.weight.cast<double>());
    biases_.emplace_back(layer.bias.cast<double>());
  }
  first_transposed_ = weights_.front().transpose();
  first_at_centre_ = weights_.front() * region.centre + biases_.front();
  set_magnitudes(valid);
}

void Propagation::set_region(const problem::Region& region, const Bounds& valid) {
  region_ = region;
  maximiser_ = problem::LinearMaximiser(region);
  first_at_centre_ = weights_.front() * region.centre + biases_.front();
  set_magnitudes(valid);
}

void Propagation::set_magnitudes(const Bounds& valid) {
  magnitudes_.clear();
  const auto layers = static_cast<Eigen::Index>(weights_.size());
  for (std::size_t j = 0; j < weights_.size(); ++j) {
    const Eigen::Index inputs = weights_[j].cols(), width = weights_[j].rows();
    const Eigen::VectorXd largest = j == 0 ? magnitude(region_.box) : valid.layers[j - 1].upper.cwiseMax(0.0).eval();
    // The first layer carries the rounding of the value at x0 and of the knapsack as well.
    const double factor = padding_factor(2 * width + inputs + (j == 0 ? 2 * inputs : 0) + 2 * layers + 8);
    magnitudes_.emplace_back(factor * (weights_[j].cwiseAbs() * largest + biases_[j].cwiseAbs()));
  }
}

Eigen::Index Propagation::rows_at_a_time(std::size_t layer) const {
  constexpr double most = 5e8;  // multiply-adds
  double row = 0;
  for (std::size_t j = 0; j <= layer; ++j) row += static_cast<double>(weights_[j].size());
  return static_cast<Eigen::Index>(std::clamp(most / row, 2.0, 128.0));
}

AffineRows Propagation::neuron_rows(std::size_t layer, std::span<const Eigen::Index> neurons) const {
  const auto count = static_cast<Eigen::Index>(neurons.size());
  AffineRows rows{.layer = layer - 1,
                  .coefficients = Rows(2 * count, weights_[layer].cols()),
                  .constant = Eigen::VectorXd(2 * count),
                  .padding = Eigen::VectorXd(2 * count)};
  for (Eigen::Index r = 0; r < count; ++r) {
    const Eigen::Index i = neurons[static_cast<std::size_t>(r)];
    rows.coefficients.row(r) = weights_[layer].row(i);
    rows.coefficients.row(count + r) = -weights_[layer].row(i);
    rows.constant[r] = biases_[layer][i];
    rows.constant[count + r] = -biases_[layer][i];
    rows.padding[r] = rows.padding[count + r] = magnitudes_[layer][i];
  }
  return rows;
}

AffineRows Propagation::margin_rows(const nn::Objective& objective) const {
  nn::OutputRows output = output_rows(objective, output_layer_);
  AffineRows rows{.layer = weights_.size() - 2,
                  .coefficients = std::move(output.weight),
                  .constant = std::move(output.bias),
                  .padding = Eigen::VectorXd(static_cast<Eigen::Index>(objective.functions.size()))};
  const double of_constant = padding_factor(2 * static_cast<Eigen::Index>(weights_.size()) + 8);
  for (Eigen::Index k = 0; k < rows.padding.size(); ++k) {
    const nn::OutputFunction& f = objective.functions[static_cast<std::size_t>(k)];
    rows.padding[k] = f.coefficients.cwiseAbs().dot(magnitudes_.back()) + of_constant * std::abs(f.constant);
  }
  return rows;
}

void Propagation::backward(const AffineRows& start, std::span<const LayerRelaxation> relaxation, BackwardPass& pass) {
  // What a block works on stays in the cache.
  constexpr Eigen::Index block = 128;
  const Eigen::Index rows = start.coefficients.rows();
  pass.coefficients.resize(start.layer + 1);
  for (std::size_t j = 0; j < start.layer; ++j) pass.coefficients[j].resize(rows, width(j));
  pass.coefficients.back() = start.coefficients;
  pass.upper = start.constant + start.padding;
  pass.steps.clear();
  pass.ends.clear();
  for (Eigen::Index first = 0; first < rows; first += block) backward_block(first, std::min(block, rows - first), relaxation, pass);
}

void Propagation::backward_block(Eigen::Index first, Eigen::Index rows, std::span<const LayerRelaxation> relaxation, BackwardPass& pass) {
  auto upper = pass.upper.segment(first, rows);
  for (std::size_t j = pass.coefficients.size(); j-- > 0;) {
    const auto part = [first, rows](const Rows& all) { return all.middleRows(first, rows); };
    const LayerRelaxation& line = relaxation[j];
    const auto post = part(pass.coefficients[j]).array();
    if (line.upper_slope.rows() < pass.upper.size()) {
      pre_ =
          (post.max(0.0).rowwise() * line.upper_slope.row(0).array() + post.min(0.0).rowwise() * line.lower_slope.row(0).array()).matrix();
      upper += post.max(0.0).matrix() * line.upper_intercept.row(0).transpose();
    } else {
      pre_ = (post.max(0.0) * part(line.upper_slope).array() + post.min(0.0) * part(line.lower_slope).array()).matrix();
      upper += (post.max(0.0) * part(line.upper_intercept).array()).rowwise().sum().matrix();
    }
    if (line.split_multiplier.size() > 0) pre_ += part(line.split_multiplier);
    upper += pre_ * biases_[j] + pre_.cwiseAbs() * magnitudes_[j];
    if (j > 0) pass.coefficients[j - 1].middleRows(first, rows).noalias() = pre_ * weights_[j];
  }
  // Kept from call to call: memory that is asked for anew has to be cleared by the kernel, which took a quarter of the time.
  if (input_.rows() < rows) input_.resize(rows, weights_.front().cols());
  input_.topRows(rows).noalias() = pre_ * weights_.front();
  concretise(first, rows, pass);
}

void Propagation::concretise(Eigen::Index first, Eigen::Index rows, BackwardPass& pass) {
  pass.upper.segment(first, rows) += input_.topRows(rows) * region_.centre;
  for (Eigen::Index r = 0; r < rows; ++r) {
    pass.upper[first + r] += maximiser_.maximise({input_.row(r).data(), static_cast<std::size_t>(input_.cols())});
    pass.steps.insert(pass.steps.end(), maximiser_.steps().begin(), maximiser_.steps().end());
    pass.ends.push_back(pass.steps.size());
  }
}

void Propagation::backward(const PreActivationRows& start, std::span<const LayerRelaxation> relaxation, BackwardPass& pass) {
  const std::size_t layer = start.layer;
  const Eigen::VectorXd constant = start.constant + start.coefficients * biases_[layer];
  const Eigen::VectorXd padding = start.padding + start.coefficients.cwiseAbs() * magnitudes_[layer];
  if (layer > 0) {
    backward(AffineRows{.layer = layer - 1, .coefficients = start.coefficients * weights_[layer], .constant = constant, .padding = padding},
             relaxation, pass);
    return;
  }
  const Eigen::Index rows = start.coefficients.rows();
  pass.coefficients.clear();
  pass.upper = constant + padding;
  pass.steps.clear();
  pass.ends.clear();
  if (input_.rows() < rows) input_.resize(rows, weights_.front().cols());
  input_.topRows(rows).noalias() = start.coefficients * weights_.front();
  concretise(0, rows, pass);
}

PreActivationRows Propagation::upper_functions(const AffineRows& start, std::span<const LayerRelaxation> relaxation,
                                               std::size_t layer) const {
  PreActivationRows at{.layer = layer, .coefficients = {}, .constant = start.constant + start.padding, .padding = {}};
  Rows post = start.coefficients;
  for (std::size_t j = start.layer;; --j) {
    const LayerRelaxation& line = relaxation[j];
    at.coefficients = (post.array().max(0.0) * line.upper_slope.array() + post.array().min(0.0) * line.lower_slope.array()).matrix();
    if (line.split_multiplier.size() > 0) at.coefficients += line.split_multiplier;
    at.constant += (post.array().max(0.0) * line.upper_intercept.array()).rowwise().sum().matrix();
    at.padding = at.coefficients.cwiseAbs() * magnitudes_[j];
    if (j == layer) return at;
    at.constant += at.coefficients * biases_[j] + at.padding;
    post = at.coefficients * weights_[j];
  }
}

void Propagation::relaxed_forward(const BackwardPass& pass, std::span<const LayerRelaxation> relaxation,
                                  std::vector<Rows>& pre_activations) const {
  const auto rows = static_cast<Eigen::Index>(pass.ends.size());
  pre_activations.resize(pass.coefficients.size());
  pre_activations.front() = first_at_centre_.transpose().replicate(rows, 1);
  std::size_t step = 0;
  for (Eigen::Index r = 0; r < rows; ++r) {
    for (; step < pass.ends[static_cast<std::size_t>(r)]; ++step)
      pre_activations.front().row(r) += pass.steps[step].change * first_transposed_.row(pass.steps[step].pixel);
  }
  Rows h;
  for (std::size_t j = 0; j + 1 < pre_activations.size(); ++j) {
    const Rows& g = pre_activations[j];
    const Eigen::Index line_stride = relaxation[j].upper_slope.rows() < rows ? 0 : 1;  // the only row serves all
    h.resize(g.rows(), g.cols());
    for (Eigen::Index r = 0; r < rows; ++r) {
      const auto upper_slope = relaxation[j].upper_slope.row(line_stride * r),
                 upper_intercept = relaxation[j].upper_intercept.row(line_stride * r),
                 lower_slope = relaxation[j].lower_slope.row(line_stride * r);
      for (Eigen::Index k = 0; k < g.cols(); ++k)
        h(r, k) = pass.coefficients[j](r, k) >= 0 ? upper_slope[k] * g(r, k) + upper_intercept[k] : lower_slope[k] * g(r, k);
    }
    pre_activations[j + 1].noalias() = h * weights_[j + 1].transpose();
    pre_activations[j + 1].rowwise() += biases_[j + 1].transpose();
  }
}

Eigen::VectorXd Propagation::maximiser(const BackwardPass& pass, std::size_t row) const {
  Eigen::VectorXd x = region_.centre;
  for (std::size_t s = row == 0 ? 0 : pass.ends[row - 1]; s < pass.ends[row]; ++s) x[pass.steps[s].pixel] += pass.steps[s].change;
  return x.cwiseMax(region_.box.lower).cwiseMin(region_.box.upper);
}

}  // namespace espalier::bounds
